"""
A session of a hundred pictures, what words in files cost, and what an edit of a file costs.

    python -m benchmarks.sessions [--images 100] [--json]

A server of its own is asked over HTTP, with a stand-in for the vision model that answers at once
over HTTP as well (the one of the tests). Exports are made twice of other pictures each, with words
and without, and their CPU compared: that of the server's process, in which words are put into
files. The edit is `engine.words.embed` on a JPEG of 5 MB.
"""

import hashlib
import io
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import httpx
import numpy as np
import typer
from PIL import Image

from benchmarks.batches import pictures
from benchmarks.batches.watching import cpu, memory
from benchmarks.tables import show
from pixmill.cli.bench.server import Server, serving
from pixmill.engine.words import embed
from pixmill.engine.words.types import Words
from services.vision.server import MODEL
from services.vision.server import serving as model

#: Seconds that a whole run may take.
PATIENCE = 600
#: Edits of the large file.
EDITS = 21

_WORDS = Words(
    title="Red kite over the beach",
    alt="A red kite above a beach at low tide.",
    description="A red diamond-shaped kite flies above a wide beach. The tide is out.",
    keywords=("kite", "beach", "wind"),
)

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything that is told."""

    images: int
    results: int
    processed: int
    begun_before_first_result: int
    server_rss_early_mb: float  #: after ten results
    server_rss_late_mb: float  #: after all
    export_ms: float  #: CPU of the server's process for a file without words
    export_with_words_ms: float
    edit_bytes: int
    edit_ms: float
    edit_same_pixels: bool


@app.command()
def main(
    *,
    images: Annotated[int, typer.Option(min=20, max=100)] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Analyze, export and edit, and say what it took."""
    with tempfile.TemporaryDirectory(prefix="pixmill-bench-") as place, model() as script:
        settings = {"PIXMILL_VISION_URL": script.base_url, "PIXMILL_VISION_MODEL": MODEL}
        with serving(Path(place), settings=settings) as server:
            figures = measure(server, images=images)
    if as_json:
        print(json.dumps(asdict(figures), indent=2))
    else:
        show(("", "value"), ((name, value) for name, value in asdict(figures).items()))


def measure(server: Server, *, images: int) -> Figures:
    """Do everything once."""
    headers = {"X-API-Key": server.key}
    with httpx.Client(base_url=server.base_url, headers=headers, timeout=PATIENCE) as client:
        session = upload(client, first=0, count=images)
        results = begun = before = processed = 0
        early = late = 0.0
        for name, data in stream(client, f"/v1/sessions/{session}/analyze", session):
            if name == "progress" and not results:
                begun += 1
            if name == "result":
                before = begun if not results else before
                results += 1
                early = _rss(server) if results == 10 else early
            if name == "complete":
                processed, late = data["processed"], _rss(server)
        plain = export(client, server, first=images, count=images, words=False)
        worded = export(client, server, first=2 * images, count=images, words=True)
    size, seconds, same = edit()
    return Figures(
        images=images,
        results=results,
        processed=processed,
        begun_before_first_result=before,
        server_rss_early_mb=early,
        server_rss_late_mb=late,
        export_ms=plain,
        export_with_words_ms=worded,
        edit_bytes=size,
        edit_ms=1000 * seconds,
        edit_same_pixels=same,
    )


def upload(client: httpx.Client, *, first: int, count: int) -> str:
    """Begin a session with so many photographs, none of which was seen before."""
    files = [
        ("images[]", (f"{number}.jpg", pictures.small(number)))
        for number in range(first, first + count)
    ]
    answer = client.post("/v1/sessions/upload", files=files)
    answer.raise_for_status()
    return str(answer.json()["sessionId"])


def export(client: httpx.Client, server: Server, *, first: int, count: int, words: bool) -> float:
    """Return the CPU milliseconds of the server's process for the export of a file."""
    session = upload(client, first=first, count=count)
    for name, _ in stream(client, f"/v1/sessions/{session}/analyze", session):
        assert name != "error"
    before = cpu(server.pid)
    settings = {"format": "webp", "writeMetadata": words}
    for name, _ in stream(client, f"/v1/sessions/{session}/export", session, settings=settings):
        assert name != "error"
    return 1000 * cpu(server.pid).since(before).server / count


def stream(
    client: httpx.Client, path: str, session: str, **body: object
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the events of a run, each with its name."""
    body = {"sessionId": session, **body}
    with client.stream("POST", path, json=body) as answer:
        answer.raise_for_status()
        name = ""
        for line in answer.iter_lines():
            if line.startswith("event:"):
                name = line[6:].strip()
            elif line.startswith("data:"):
                yield name, json.loads(line[5:])


def edit() -> tuple[int, float, bool]:
    """Put words into a large JPEG; return its bytes, seconds, and whether its pixels stayed."""
    noise = np.random.default_rng(1).integers(0, 255, (2200, 3200, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", quality=85)
    data = file.getvalue()
    spent = []
    edited = data
    for _ in range(EDITS):
        start = time.process_time()
        edited = embed(data, _WORDS).data
        spent.append(time.process_time() - start)
    return len(data), median(spent), _pixels(edited) == _pixels(data)


def _pixels(data: bytes) -> str:
    return hashlib.sha256(Image.open(io.BytesIO(data)).tobytes()).hexdigest()


def _rss(server: Server) -> float:
    return memory(server.pid)["server"].rss / 1e6


if __name__ == "__main__":
    app()
