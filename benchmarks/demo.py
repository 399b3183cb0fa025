"""`make demo`: start a server, send it real pictures as a client would, print what it saved."""

import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

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

#: Calls as the published documents have them: (what it shows, path, form fields).
CALLS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("compress", "/v1/compress", {}),
    ("compress", "/v1/compress", {"format": "webp"}),
    ("convert", "/v1/convert", {"to": "avif"}),
    ("resize", "/v1/resize", {"width": str(NARROW), "format": "webp"}),
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
    with (
        tempfile.TemporaryDirectory(prefix="pixmill-demo-") as folder,
        serving(Path(folder)) as server,
    ):
        headers = {"Authorization": f"Bearer {server.key}"}
        with httpx.Client(base_url=server.base_url, headers=headers) as client:
            work = [
                (path, call)
                for path in paths()
                for call in CALLS
                if "width" not in call[2] or Image.open(path).width > NARROW
            ]
            rows = [
                send(client, path, *call)
                for path, call in track(work, "Optimizing", console=Console(stderr=True))
            ]
    console.print(table(rows))
    before, after = sum(row.before for row in rows), sum(row.after for row in rows)
    console.print(
        f"{len(rows)} results, {before:,} → {after:,} bytes: {1 - after / before:.0%} saved. "
        "Score: SSIMULACRA2 against the upload, 100 is identical, 80 cannot be told apart at "
        "arm's length, 60 looks good."
    )


def send(client: httpx.Client, path: Path, name: str, route: str, form: dict[str, str]) -> Row:
    """Send one picture and describe what came back."""
    data = path.read_bytes()
    answer = client.post(route, files={"file": (path.name, data)}, data=form, timeout=60)
    answer.raise_for_status()
    return Row(
        picture=path.name,
        call=name,
        format=answer.headers["Content-Type"].removeprefix("image/"),
        before=len(data),
        after=len(answer.content),
        score=score(data, answer.content),
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
    shown = Table(
        title="Pixmill through the OptiPic API, bytes at its default quality (80)", box=SIMPLE
    )
    shown.add_column("picture", no_wrap=True)
    shown.add_column("result", no_wrap=True)
    for name in ("before", "after", "saved", "score"):
        shown.add_column(name, justify="right", no_wrap=True)
    last = ""
    for row in rows:
        if last and row.picture != last:
            shown.add_section()
        saved = 1 - row.after / row.before
        shown.add_row(
            Path(row.picture).stem if row.picture != last else "",
            f"{row.call} → {row.format}",
            f"{row.before:,}",
            f"{row.after:,}",
            f"[green]{saved:.0%}[/]" if saved >= 0 else f"[red]{saved:.0%}[/]",
            "" if row.score is None else f"{row.score:.1f}",
        )
        last = row.picture
    return shown


if __name__ == "__main__":
    main()
