"""``python -m pixmill`` and the ``pixmill`` command."""

from pixmill.cli import app


def main() -> None:
    """Run the command line."""
    app(prog_name="pixmill")


if __name__ == "__main__":
    main()
