"""What a fetched file is called."""

import re
from email.message import Message
from urllib.parse import unquote

#: Characters of the longest name that is kept.
LENGTH = 255

_FOLDERS = re.compile(r"[/\\]")
_UNSAFE = re.compile(r"[^ \w!#$&\'()+,.=@\[\]^`{}~-]+")


def filename(*, target: str, disposition: str) -> str | None:
    """Return the name of *disposition* (Content-Disposition), else the last one in *target*."""
    return _safe(_named(disposition)) or _safe(unquote(target.partition("?")[0]))


def _named(disposition: str) -> str:
    message = Message()
    message["Content-Disposition"] = disposition
    return message.get_filename("")


def _safe(name: str) -> str | None:
    last = _FOLDERS.split(name)[-1]
    return _UNSAFE.sub("_", last)[-LENGTH:].strip(" .") or None
