"""What the page is told of a result, and where it finds it."""

from typing import Any
from urllib.parse import quote

from pixmill.http import disposition
from pixmill.services.results import Results, Stored

#: Where results are. The name is for people; the signature in the query opens it, because queries
#: are in no log of ours.
PATH = "/tool/images/{id}/{name}"


def link(stored: Stored, results: Results) -> str:
    """Return where whoever knows it can have *stored* without signing in."""
    path = PATH.format(id=stored.id, name=quote(name_of(stored), safe=""))
    return f"{path}?signature={results.link(stored)}"


def name_of(stored: Stored) -> str:
    """Return what the file is to be called."""
    return f"{disposition.stem(stored.filename)}.{stored.extension.removeprefix('.')}"


def told(stored: Stored, results: Results, *, left: int | None) -> dict[str, Any]:
    """Return what the script is told; *left*: how many images a guest has today."""
    url = link(stored, results)
    return {
        "id": stored.id,
        "token": results.link(stored),
        "name": name_of(stored),
        "url": url,
        "view": f"{url}&view",
        "before": stored.original_size,
        "after": stored.size,
        "format": stored.format,
        "width": stored.width,
        "height": stored.height,
        "how": stored.how,
        "score": None if stored.score is None else round(stored.score, 1),
        "left": left,
    }
