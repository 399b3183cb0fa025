"""
What pages load: a few files, in memory, each under an address that changes with what is in it.

So a browser asks for each once and never again, and after an update nobody has an old one.
"""

import gzip
import hashlib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from mimetypes import guess_type

from starlette.requests import Request
from starlette.responses import Response

from pixmill import errors

#: Where they are, before their fingerprints.
PREFIX = "/assets"

_FOLDER = files("pixmill.web") / "static"
#: mimetypes asks the machine for these, and machines differ.
_TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file."""

    name: str
    type: str
    data: bytes = field(repr=False)
    packed: bytes = field(repr=False)  #: the same, gzipped
    fingerprint: str

    @property
    def path(self) -> str:
        """Return where a browser finds it."""
        return f"{PREFIX}/{self.fingerprint}/{self.name}"


@cache
def all_assets() -> dict[str, Asset]:
    """Return all files by name."""
    return {item.name: _asset(item.name, item.read_bytes()) for item in _FOLDER.iterdir()}


def path_of(name: str) -> str:
    """Return where a browser finds the file called *name*."""
    return all_assets()[name].path


def _asset(name: str, data: bytes) -> Asset:
    kind = _TYPES.get(name.rpartition(".")[2]) or guess_type(name)[0] or "application/octet-stream"
    return Asset(
        name=name,
        type=f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
        data=data,
        packed=gzip.compress(data, 9, mtime=0),
        fingerprint=hashlib.sha256(data).hexdigest()[:12],
    )


async def serve(request: Request) -> Response:
    """Answer with one file. Raises NotFound, also for one of another version."""
    asset = all_assets().get(request.path_params["name"])
    if asset is None or request.path_params["fingerprint"] != asset.fingerprint:
        raise errors.NotFound
    headers = {"Content-Type": asset.type, "Cache-Control": _FOREVER, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, headers=headers | {"Content-Encoding": "gzip"})
    return Response(asset.data, headers=headers)
