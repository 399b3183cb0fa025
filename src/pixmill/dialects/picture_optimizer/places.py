"""Where everything is that Picture Optimizer tells of."""

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from pixmill import errors
from pixmill.http.dialect import Call
from pixmill.services.results import Results

#: Every path is served below this, too (PO-2).
PREFIX = "/image-forge-api"

SESSIONS = "/v1/sessions"
SESSION = f"{SESSIONS}/{{id}}"

#: Where a file is for whoever has the link: the name is for programs that look at a URL's end.
LINK = "/v1/files/{id}/{signature}/{name}"

# Anything else is no id, and the database need not hear of it.
_SESSION_ID = re.compile(r"sess_[0-9a-f]{24}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where everything is."""

    base_url: str
    results: Results

    @classmethod
    def of(cls, call: Call) -> "Links":
        """Return links below the address, and the prefix, that *call* was sent to."""
        prefix = PREFIX if call.request.scope["path"].startswith(f"{PREFIX}/") else ""
        return cls(base_url=f"{call.base_url}{prefix}", results=call.services.results)

    def own(self, session_id: str, name: str) -> str:
        """Return where the account's own keys get a file."""
        return f"{self.base_url}{SESSION.format(id=session_id)}/files/{quote(name, safe='')}"

    def signed(self, result_id: str, *, expires_at: datetime | None, name: str) -> str:
        """Return where anybody gets a file (PO-78)."""
        token = self.results.link_to(id_=result_id, expires_at=expires_at)
        path = LINK.format(id=result_id, signature=token, name=quote(name, safe=""))
        return f"{self.base_url}{path}"


def session_id(text: object) -> str:
    """Return the id that *text* is. Raises SessionNotFound."""
    if isinstance(text, str) and _SESSION_ID.fullmatch(text):
        return text
    raise errors.SessionNotFound


def upload_path(session_id: str, picture_id: str) -> str:
    """
    Return what stands for an upload.

    It looks like a path, as published (PO-25), and nobody ever opens what a client sends (PO-30).
    """
    return f"/tmp/sessions/{session_id}/{picture_id}"  # noqa: S108 - it is no file
