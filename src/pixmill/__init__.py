"""Pixmill, a self-hosted image optimizer."""


def __getattr__(name: str) -> str:
    """Return ``__version__``, which takes a while to be found and is seldom asked for."""
    if name != "__version__":
        raise AttributeError(name)
    from importlib.metadata import version  # noqa: PLC0415 - most of that while is this import

    return version("pixmill")
