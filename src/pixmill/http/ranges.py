"""Requests for a part of a file: RFC 9110, section 14, as far as one range goes."""

import re

# More digits than any file has bytes are not read as a number.
_BYTES = re.compile(r"bytes\s*=\s*([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE | re.ASCII)


class NotSatisfiable(ValueError):
    """The range begins after the end of the file."""


def parse(header: str | None, *, size: int) -> tuple[int, int] | None:
    """
    Return the first byte, and the byte after the last, of what *header* asks for.

    None means the whole file: there is no header, or it is malformed, or asks for several ranges,
    all of which a server may ignore (section 14.2). Raises NotSatisfiable.
    """
    match = _BYTES.fullmatch((header or "").strip())
    if not match or match[1] == match[2] == "":
        return None
    if match[1] == "":  # the last so many bytes
        start, end = max(0, size - int(match[2])), size
    else:
        start, end = int(match[1]), int(match[2]) + 1 if match[2] else size
        if end <= start and match[2]:
            return None
    if start >= size:
        raise NotSatisfiable
    return start, min(end, size)
