"""`make demo`: start a server, send it real pictures as a client would, print what it saved."""

import base64
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread

import httpx
import numpy as np
from PIL import Image
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.pictures import paths
from pixmill.cli.bench.server import serving
from pixmill.engine.ssimulacra2 import compare

#: Width that pictures are resized to, where they are wider.
NARROW = 320

#: What the demo's server may fetch from: its neighbor that has the pictures.
FETCH_ALLOW = "127.0.0.1/32"

#: Sends a picture, which also lies at a URL, as a client of the API would; returns the result.
Send = Callable[[httpx.Client, Path, str], bytes]


def optipic(route: str, **form: str) -> Send:
    """Return a call that answers with the image itself."""

    def send(client: httpx.Client, path: Path, _url: str) -> bytes:
        upload = {"file": (path.name, path.read_bytes())}
        return answered(client.post(route, files=upload, data=form)).content

    return send


def octosqueeze(client: httpx.Client, path: Path, _url: str) -> bytes:
    """Send a file, and fetch the result from a link that needs no key."""
    upload = {"file": (path.name, path.read_bytes())}
    form = {"mode": "balanced", "format": "webp"}
    answer = answered(client.post("/api/v1/compress", files=upload, data=form)).json()
    return answered(httpx.get(answer["data"]["download_url"])).content


def optimagio(client: httpx.Client, path: Path, _url: str) -> bytes:
    """Send a file, leave the format to the server, and fetch the result from its link."""
    upload = {"image": (path.name, path.read_bytes())}
    form = {"accept_file": "true", "format": "auto"}
    answer = answered(client.post("/api/optimize", files=upload, data=form)).json()
    return answered(httpx.get(answer["optimized_url"])).content


def smolpix(client: httpx.Client, _path: Path, url: str) -> bytes:
    """Send a URL; the result comes inside the answer."""
    answer = answered(client.post("/api/v1/optimize", json={"url": url})).json()
    return base64.b64decode(answer["data"])


def picture_optimizer(client: httpx.Client, path: Path, _url: str) -> bytes:
    """Put a file into a session, export it as WebP, and fetch the result from its link."""
    upload = {"images[]": (path.name, path.read_bytes())}
    session = answered(client.post("/v1/sessions/upload", files=upload)).json()["sessionId"]
    order = {"sessionId": session, "settings": {"format": "webp"}}
    events = answered(client.post("/v1/export", json=order)).text.split("\n\n")
    [complete] = [event for event in events if event.startswith("event: complete")]
    data = next(line for line in complete.splitlines() if line.startswith("data: "))
    return answered(httpx.get(json.loads(data[6:])["results"][0]["variants"][0]["url"])).content


def tinify(client: httpx.Client, path: Path, _url: str) -> bytes:
    """Send a file, and ask for the smallest format of what was sent."""
    location = answered(client.post("/shrink", content=path.read_bytes())).headers["Location"]
    return answered(client.post(location, json={"convert": {"type": "*/*"}})).content


def answered(answer: httpx.Response) -> httpx.Response:
    """Return *answer*, if it is one of success."""
    answer.raise_for_status()
    return answer


CALLS: tuple[tuple[str, Send], ...] = (
    ("OptiPic", optipic("/v1/compress", format="webp")),
    ("OptiPic", optipic("/v1/convert", to="avif")),
    (f"OptiPic {NARROW} px", optipic("/v1/resize", width=str(NARROW), format="webp")),
    ("OctoSqueeze", octosqueeze),
    ("Optimagio", optimagio),
    ("Smolpix", smolpix),
    ("PictureOptimizer", picture_optimizer),
    ("Tinify", tinify),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One picture through one call."""

    picture: str
    call: str
    format: str
    before: int
    after: int
    score: float | None


def main() -> None:
    """Print a table of savings."""
    console = Console()
    pictures = paths()
    with (
        tempfile.TemporaryDirectory(prefix="pixmill-demo-") as folder,
        shown(pictures[0].parent) as origin,
        serving(Path(folder), settings={"PIXMILL_FETCH_ALLOW": FETCH_ALLOW}) as server,
    ):
        headers = {"Authorization": f"Bearer {server.key}"}
        with httpx.Client(base_url=server.base_url, headers=headers, timeout=60) as client:
            work = [
                (path, name, send)
                for path in pictures
                for name, send in CALLS
                if str(NARROW) not in name or Image.open(path).width > NARROW
            ]
            rows = [
                row(path, name, send(client, path, f"{origin}/{path.name}"))
                for path, name, send in track(work, "Optimizing", console=Console(stderr=True))
            ]
    console.print(table(rows))
    before, after = sum(row.before for row in rows), sum(row.after for row in rows)
    console.print(
        f"{len(rows)} results, {before:,} → {after:,} bytes: {1 - after / before:.0%} saved. "
        "Score: SSIMULACRA2 against the upload, 100 is identical, 80 cannot be told apart at "
        "arm's length, 60 looks good."
    )


@contextmanager
def shown(folder: Path) -> Iterator[str]:
    """Serve the files of *folder* on this machine, and give the URL of the place."""
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as origin:
        Thread(target=origin.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{origin.server_port}"
        origin.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and does not talk about it."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def row(path: Path, call: str, data: bytes) -> Row:
    """Describe what came back for one picture."""
    upload = path.read_bytes()
    return Row(
        picture=path.name,
        call=call,
        format=(Image.open(BytesIO(data)).format or "").lower(),
        before=len(upload),
        after=len(data),
        score=score(upload, data),
    )


def score(before: bytes, after: bytes) -> float | None:
    """Return the SSIMULACRA2 of the first frames, where they have one size."""
    pictures = [Image.open(BytesIO(data)) for data in (before, after)]
    if pictures[0].size != pictures[1].size:
        return None
    one, other = (np.asarray(picture.convert("RGBA")) for picture in pictures)
    return compare(one, other)


def table(rows: list[Row]) -> Table:
    """Return the table that people look at; it fits into 80 columns."""
    listed = Table(title="Pixmill through five APIs, bytes at the default look of each", box=SIMPLE)
    listed.add_column("picture", no_wrap=True)
    listed.add_column("result", no_wrap=True)
    for name in ("before", "after", "saved", "score"):
        listed.add_column(name, justify="right", no_wrap=True)
    last = ""
    for row in rows:
        if last and row.picture != last:
            listed.add_section()
        saved = 1 - row.after / row.before
        listed.add_row(
            Path(row.picture).stem[:16] if row.picture != last else "",
            f"{row.call} → {row.format}",
            f"{row.before:,}",
            f"{row.after:,}",
            f"[green]{saved:.0%}[/]" if saved >= 0 else f"[red]{saved:.0%}[/]",
            "" if row.score is None else f"{row.score:.1f}",
        )
        last = row.picture
    return listed


if __name__ == "__main__":
    main()
