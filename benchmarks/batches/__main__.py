"""
A batch of many files on the embedded default, and what the server spends on it.

    python -m benchmarks.batches [--files 5000 | --tiny 50000] [--format webp] [--json]

The files are 640 × 480 JPEGs made of six photographs of scikit-image (`--tiny`: 32 × 32 PNGs), each
of them another one, so that nothing is found in a cache. They are sent in chunks of 50, two at a
time, and never more than `--ahead` of what is finished, so that each stretch of the batch holds as
much accepting as working. Engine is what the codec processes take; all is the whole process tree of
`pixmill serve`, multipart, database, files and answers included, and this client left out.
"""

import json
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import httpx
import typer

from benchmarks.batches import pictures
from benchmarks.batches.archives import Checked, check, download
from benchmarks.batches.figures import Growth, Stretch, growth, stretch
from benchmarks.batches.sending import PATIENCE, File, Sender, archive_path, status
from benchmarks.batches.watching import Watch
from benchmarks.tables import show
from pixmill.cli.bench.server import Server, serving

#: Files of a stretch that is compared with another.
STRETCH = 500
#: Seconds between two looks at how far the batch is.
POLL_SECONDS = 2.0

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything that is told of one batch."""

    files: int
    completed: int
    failed: int
    accepted_seconds: float  #: until the last file was accepted
    finished_seconds: float  #: until the last file was finished
    whole: Stretch
    stretches: list[Stretch]
    memory: list[Growth]
    peak_pss_mb: float  #: of all processes, without the ZIP
    zip_seconds: float
    zip_cpu_seconds: float
    zip_peak_pss_mb: float
    zip: Checked


@app.command()
def main(  # noqa: PLR0913 - a command has as many arguments as it has options
    *,
    files: Annotated[int, typer.Option(min=1, help="Small photographs.")] = 5000,
    tiny: Annotated[int, typer.Option(min=0, help="Tiny drawings, instead.")] = 0,
    ahead: Annotated[int, typer.Option(min=50, help="Files accepted and not finished.")] = 300,
    format_: Annotated[str, typer.Option("--format", help="Of the results; empty: auto.")] = "",
    compression: Annotated[str, typer.Option(help="Empty: the API's own default.")] = "",
    folder: Annotated[Path | None, typer.Option(help="Where the server keeps its data.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Send a batch, wait for it, download it, and say what it took."""
    fields = {"format": format_, "compression": compression}
    with tempfile.TemporaryDirectory(prefix="pixmill-bench-", dir=folder) as place:
        data_dir = Path(place)
        with serving(data_dir) as server:
            figures = measure(
                server,
                count=tiny or files,
                tiny=bool(tiny),
                ahead=ahead,
                fields={name: value for name, value in fields.items() if value},
                target=data_dir / "batch.zip",
            )
    if as_json:
        print(json.dumps(asdict(figures), indent=2))
    else:
        tell(figures)


def measure(  # noqa: PLR0913 - what a batch is
    server: Server, *, count: int, tiny: bool, ahead: int, fields: dict[str, str], target: Path
) -> Figures:
    """Run one batch of *count* files through *server*; its ZIP goes to *target*."""
    headers = {"Authorization": f"Bearer {server.key}"}
    watch = Watch(server=server)
    with httpx.Client(base_url=server.base_url, headers=headers, timeout=PATIENCE) as client:
        sender = Sender(
            client=client,
            make=_tiny if tiny else _small,
            count=count,
            ahead=ahead,
            fields=fields,
        )
        with watch.looking():
            accepted, finished, counts = _run(client, sender, watch)
            batch = list(watch.looks)
            start = time.monotonic()
            download(client, archive_path(sender.batch), target)
            seconds = time.monotonic() - start
            watch.look()
    after = watch.looks[len(batch) - 1 :]
    return Figures(
        files=count,
        completed=counts["completed"],
        failed=counts["failed"],
        accepted_seconds=accepted,
        finished_seconds=finished,
        whole=stretch(batch, 0, count),
        stretches=[
            stretch(batch, end - STRETCH, end) for end in range(STRETCH, count + 1, STRETCH)
        ],
        memory=growth(batch, min(STRETCH, count // 2), count, width=min(STRETCH, count // 2)),
        peak_pss_mb=max(look.pss for look in batch) / 1e6,
        zip_seconds=seconds,
        zip_cpu_seconds=after[-1].cpu.since(after[0].cpu).total,
        zip_peak_pss_mb=max(look.pss for look in after) / 1e6,
        zip=check(target, size=pictures.TINY if tiny else pictures.SMALL),
    )


def _run(client: httpx.Client, sender: Sender, watch: Watch) -> tuple[float, float, dict[str, int]]:
    """Send everything and wait until all is finished; return when each was so, and the counts."""
    start = time.monotonic()
    watch.look()
    sending = threading.Thread(target=sender.send_all)
    sending.start()
    accepted = counts = None
    while counts is None or counts["status"] not in {"completed", "completed_with_errors"}:
        time.sleep(POLL_SECONDS)
        if accepted is None and not sending.is_alive():
            assert sender.accepted == sender.count, "a chunk was refused"
            accepted = time.monotonic() - start
        answer = status(client, sender.batch, limit=1)
        if answer.status_code == httpx.codes.NOT_FOUND:  # the first chunk is on its way
            continue
        counts = answer.raise_for_status().json()
        watch.finished = counts["completed"] + counts["failed"]
        watch.look()
        sender.tell(watch.finished)
    assert accepted is not None
    return accepted, time.monotonic() - start, counts


def _small(number: int) -> File:
    return f"photo-{number:05}.jpg", pictures.small(number)


def _tiny(number: int) -> File:
    return f"icon-{number:05}.png", pictures.tiny(number)


def tell(figures: Figures) -> None:
    """Print the tables of docs/benchmarks.md."""
    whole, archive = figures.whole, figures.zip
    show(
        ("", "value"),
        (
            ("files completed, failed", f"{figures.completed}, {figures.failed}"),
            ("accepted after, s", figures.accepted_seconds),
            ("finished after, s", figures.finished_seconds),
            ("CPU of all processes, s", whole.cpu.total),
            ("CPU of the codec processes, s", whole.cpu.engine),
            ("engine, of all CPU", f"{whole.engine_share:.1%}"),
            ("peak memory of all processes, MB (PSS)", figures.peak_pss_mb),
            ("ZIP, MB", archive.size / 1e6),
            ("ZIP, members, distinct names, whole pictures", _counts(archive)),
            ("ZIP, s", figures.zip_seconds),
            ("ZIP, CPU s", figures.zip_cpu_seconds),
            ("ZIP, peak memory, MB (PSS)", figures.zip_peak_pss_mb),
        ),
    )
    show(
        ("files", "CPU ms a file", "server", "fork server", "codecs", "engine"),
        (
            (
                f"{each.until - each.files + 1}-{each.until}",
                each.milliseconds,
                1000 * each.cpu.server / each.files,
                1000 * each.cpu.fork_server / each.files,
                1000 * each.cpu.engine / each.files,
                f"{each.engine_share:.1%}",
            )
            for each in figures.stretches
        ),
    )
    show(
        ("memory, MB", "RSS, early", "late", "growth", "PSS, early", "late", "growth"),
        (
            (each.part, *each.rss, each.rss[1] - each.rss[0], *each.pss, each.pss[1] - each.pss[0])
            for each in figures.memory
        ),
    )


def _counts(archive: Checked) -> str:
    return f"{archive.members}, {archive.distinct}, {archive.decoded}"


if __name__ == "__main__":
    app()
