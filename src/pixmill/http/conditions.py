"""Requests that depend on what the caller has already: RFC 9110, section 13."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from starlette.datastructures import Headers

_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What tells one state of a file from another."""

    etag: str  #: strong, with its quotes
    modified_at: datetime

    @property
    def last_modified(self) -> str:
        """Return *modified_at* as HTTP writes it."""
        return format_datetime(self.modified_at.astimezone(UTC), usegmt=True)

    def status(self, headers: Headers) -> int:
        """Return what a GET or HEAD with *headers* comes to: 200, 304 or 412 (section 13.2.2)."""
        if "if-match" in headers:
            if not self._among(headers.getlist("if-match"), weak=False):
                return 412
        elif _after(self.modified_at, _date(headers.get("if-unmodified-since"))):
            return 412
        if "if-none-match" in headers:
            if self._among(headers.getlist("if-none-match"), weak=True):
                return 304
        else:
            since = _date(headers.get("if-modified-since"))
            if since and not _after(self.modified_at, since):
                return 304
        return 200

    def allow_range(self, headers: Headers) -> bool:
        """Say whether a part would fit to what the caller has (If-Range, section 13.1.5)."""
        wanted = headers.get("if-range")
        # A file here never changes, so its date is as good as a tag; it must be the exact one.
        return wanted is None or wanted.strip() in {self.etag, self.last_modified}

    def _among(self, fields: list[str], *, weak: bool) -> bool:
        line = ",".join(fields)
        if line.strip() == "*":
            return True
        return any(tag[2] == self.etag and (weak or not tag[1]) for tag in _TAG.finditer(line))


def _date(header: str | None) -> datetime | None:
    """Return the moment that *header* names; one that cannot be read is ignored."""
    try:
        moment = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _after(moment: datetime, other: datetime | None) -> bool:
    return other is not None and moment.replace(microsecond=0) > other
