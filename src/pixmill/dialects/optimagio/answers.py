"""What Optimagio says of a result."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from pixmill.http import disposition, origin
from pixmill.http.dialect import Call
from pixmill.services.optimization import Kept

#: Where results are downloaded. The name says nothing to us; it is there because programs tell
#: the kind of a file by the end of its URL's path.
FILE_PATH = "/api/files/{id}/{name}"


def optimized(call: Call, kept: Kept) -> dict[str, Any]:
    """Return the nine published fields (OG-23), and ours."""
    stored = kept.stored
    saved_size = stored.original_size - stored.size
    answer = {
        "optimized_url": _url(call, kept),
        "original_size": stored.original_size,
        "optimized_size": stored.size,
        "saved_bytes": saved_size,
        "percent": percent(saved_size, stored.original_size),
        "format": stored.format,
        "width": stored.width,
        "height": stored.height,
        "cached": kept.cached,
        "how": stored.how,
        "expires_at": moment(stored.expires_at) if stored.expires_at else None,
    }
    return answer if stored.score is None else answer | {"score": round(stored.score, 2)}


def percent(part: int, whole: int) -> float:
    """Return *part* in percent of *whole*, with two decimals (OG-27)."""
    return round(100 * part / whole, 2)


def moment(at: datetime) -> str:
    """Return *at*, which is in UTC, to the second: 2026-07-01T00:00:00Z."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _url(call: Call, kept: Kept) -> str:
    """Return where anybody can have the result (OG-28)."""
    name = f"{disposition.stem(kept.stored.filename)}.{kept.stored.extension.removeprefix('.')}"
    path = FILE_PATH.format(id=kept.stored.id, name=quote(name, safe=""))
    # In the query, which is in no log of ours.
    return origin.absolute(
        call.request, f"{path}?signature={kept.link}", public_url=call.public_url
    )
