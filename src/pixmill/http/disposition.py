"""The Content-Disposition of an answer, safe whatever the file of the caller was called."""

import re
from urllib.parse import quote

#: Longest stem that is given back, in characters.
STEM_LENGTH = 100

# Path separators of every system, quotes, and what a shell or a file system may stumble over.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069"*:<>?|%;\\/]+')


def inline(filename: str | None, extension: str) -> str:
    """Return ``inline; filename="<stem>.<ext>"`` after the uploaded *filename* (OP-24)."""
    return _field("inline", filename, extension)


def attachment(filename: str | None, extension: str) -> str:
    """Return the same for a file that is to be saved and not shown (OS-68)."""
    return _field("attachment", filename, extension)


def _field(kind: str, filename: str | None, extension: str) -> str:
    name = f"{stem(filename)}.{extension.removeprefix('.')}"
    if name.isascii():
        return f'{kind}; filename="{name}"'
    # RFC 6266, section 4.3: the plain form for old clients, the extended one for all others.
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def stem(filename: str | None) -> str:
    """Return *filename* without folders, extension and characters that could do harm."""
    last = re.split(r"[\\/]", filename or "")[-1]
    name = _UNSAFE.sub("_", last.encode("utf-8", "replace").decode()).strip(" ._")
    head, dot, _ = name.rpartition(".")
    return (head if dot else name)[:STEM_LENGTH].strip(" ._") or "image"
