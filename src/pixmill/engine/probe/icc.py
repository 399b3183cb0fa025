"""Which ICC profiles are worth handing on."""

#: More than any real one: the largest in common use, for CMYK presses, have about 2 MB.
LARGEST = 4 * 1024 * 1024

_HEADER_SIZE = 128


def sound(profile: bytes | None) -> bytes | None:
    """Return *profile* when it looks like one (ICC.1:2022, 7.2), and None otherwise."""
    if profile is None or not _HEADER_SIZE < len(profile) <= LARGEST or profile[36:40] != b"acsp":
        return None
    return profile
