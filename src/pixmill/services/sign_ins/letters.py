"""What Pixmill writes to people: subject and text."""


def reset(*, link: str) -> tuple[str, str]:
    """Return the letter to somebody who has forgotten a password."""
    return (
        "Set a new password for Pixmill",
        (
            "Somebody, probably you, asked for a new password for your Pixmill account.\n\n"
            "Open this page within an hour to choose one:\n\n"
            f"{link}\n\n"
            "If it was not you, there is nothing to do: your password stays as it is.\n"
        ),
    )


def invitation(*, link: str) -> tuple[str, str]:
    """Return the letter to somebody who may make an account."""
    return (
        "An invitation to Pixmill",
        (
            "You are invited to use Pixmill, which makes pictures smaller.\n\n"
            "Open this page within seven days to make your account:\n\n"
            f"{link}\n\n"
            "If you do not expect this, there is nothing to do.\n"
        ),
    )
