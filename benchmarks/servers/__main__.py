"""
The service against Thumbor and ipx with the same settings, in one run.

    python -m benchmarks.servers [FILE | FOLDER]… [--rounds 5] [--repeat 2] [--only pixmill,ipx]

All servers run at the same time and get their turns of each round one after the other, so that a
busy minute hits all; ratios are medians over the rounds. Thumbor and ipx are installed into
`--cache` by pip and npm, and read the pictures from disk; Pixmill gets them uploaded. Nobody
caches results: Thumbor's storages are off, ipx has none, Pixmill sees each upload but once.

The same number is asked of all, and JPEG is progressive everywhere. What is not the same, because
each server decides it: Pixmill's JPEG is jpegli's, its WebP has sharp YUV and its number means a
look; Thumbor gives a JPEG the color resolution of the upload; ipx shrinks a JPEG further while it
decodes. So bytes and score belong to the comparison. CPU is of all processes of a server, memory
their PSS (RSS for who is not root).
"""

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from benchmarks.pictures import LARGE, chosen
from benchmarks.servers.contenders import CONTENDERS
from benchmarks.servers.judge import Verdict, judge
from benchmarks.servers.load import CLIENTS, Found, measure
from benchmarks.servers.work import Work, gather
from benchmarks.tables import dump, show

CACHE = Path.home() / ".cache" / "pixmill-benchmarks"

COLUMNS = (
    "work",
    "server",
    "CPU ms, 1 client",
    "4 clients",
    "images/s, 1",
    "4",
    "p50 ms, 1",
    "4",
    "p99 ms, 1",
    "4",
    "idle MB",
    "peak MB",
    "KB",
    "score",
    "CPU, first ÷ it, 4",
    "images/s, first ÷ it, 4",
)

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One server at one work."""

    work: str
    server: str
    cpu_ms: dict[int, float]  #: an image, by number of clients; median over the rounds
    images_per_second: dict[int, float]
    p50_ms: dict[int, float]
    p99_ms: dict[int, float]
    idle_mb: float
    peak_mb: float
    kilobytes: float  #: of an answer, mean
    score: float
    cpu_ratio: (
        float  #: the first server's CPU ÷ this one's with most clients, median over the rounds
    )
    rate_ratio: float  #: the first server's images a second ÷ this one's


@app.command()
def main(  # noqa: PLR0913 - a command has as many arguments as it has options
    files: Annotated[
        list[Path] | None,
        typer.Argument(exists=True, help="JPEG and PNG; the default comes with scikit-image."),
    ] = None,
    *,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    repeat: Annotated[int, typer.Option(min=1, help="Times each picture is sent a round.")] = 2,
    width: Annotated[int, typer.Option(min=1, help="Of the resized results.")] = 800,
    only: Annotated[str, typer.Option(help="Servers, separated by commas.")] = ",".join(CONTENDERS),
    cache: Annotated[Path, typer.Option(help="Where the peers are installed.")] = CACHE,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Compare images a second, CPU, latency and memory."""
    works = (
        Work(format="jpeg", width=width),
        Work(format="webp", width=width),
        Work(format="webp"),
    )
    rows: list[Row] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pixmill-bench-")))
        shown = folder / "pictures"
        shown.mkdir()
        pictures = gather(chosen(files, LARGE), shown, width=width)
        if not pictures:
            raise typer.BadParameter(f"None of the pictures is wider than {width} pixels.")
        contenders = []
        for name in only.split(","):
            (folder / name).mkdir()
            contenders.append(stack.enter_context(CONTENDERS[name](folder / name, cache, shown)))
        progress = stack.enter_context(Progress(console=Console(stderr=True)))
        total = len(works) * len(contenders) * (len(CLIENTS) * rounds + 1)
        task = progress.add_task("Serving", total=total)
        for work in works:
            verdicts = {c.name: judge(c, work, pictures) for c in contenders}
            found = measure(
                contenders,
                work,
                pictures * repeat,
                rounds=rounds,
                step=lambda: progress.advance(task),
            )
            rows += [_row(work, name, found, verdicts) for name in found]
    if as_json:
        dump(rows)
        return
    show(
        COLUMNS,
        (
            (
                r.work,
                r.server,
                *r.cpu_ms.values(),
                *r.images_per_second.values(),
                *r.p50_ms.values(),
                *r.p99_ms.values(),
                r.idle_mb,
                r.peak_mb,
                r.kilobytes,
                r.score,
                r.cpu_ratio,
                r.rate_ratio,
            )
            for r in rows
        ),
    )


def _row(work: Work, name: str, found: Mapping[str, Found], verdicts: Mapping[str, Verdict]) -> Row:
    mine, first = found[name], next(iter(found.values()))
    most = max(CLIENTS)
    pairs = list(zip(first.rounds[most], mine.rounds[most], strict=True))
    times = {n: sorted(t for r in mine.rounds[n] for t in r.latencies) for n in CLIENTS}
    return Row(
        work=str(work),
        server=name,
        cpu_ms={n: 1000 * median(r.cpu for r in mine.rounds[n]) for n in CLIENTS},
        images_per_second={n: median(r.rate for r in mine.rounds[n]) for n in CLIENTS},
        p50_ms={n: 1000 * median(times[n]) for n in CLIENTS},
        p99_ms={n: 1000 * times[n][int(len(times[n]) * 0.99)] for n in CLIENTS},
        idle_mb=mine.idle / 1e6,
        peak_mb=mine.peak / 1e6,
        kilobytes=verdicts[name].size / 1000,
        score=verdicts[name].score,
        cpu_ratio=median(one.cpu / other.cpu for one, other in pairs),
        rate_ratio=median(one.rate / other.rate for one, other in pairs),
    )


if __name__ == "__main__":
    app()
