"""
Bytes and CPU at equal score, for every codec and effort that can be installed: who is on the front.

    python -m benchmarks.pareto [FILE | FOLDER]… [--crop 512] [--plots docs/benchmarks]

Bytes are in relation to Pillow's default JPEG of the same picture at the same SSIMULACRA2
(geometric mean), CPU is seconds a megapixel (median), both interpolated as in
`benchmarks.equal_look`. An encoder is on the front of its format when none of that format takes
both fewer bytes and less CPU, by more than such a measurement errs. Only pictures on which an
encoder and Pillow both reach the score count; the number is in the table.

A whole run encodes each picture several hundred times, and slow AVIF takes most of it: `--crop`
takes the middle of large pictures, `--only` the encoders whose names have one of these words.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import geometric_mean, median
from typing import Annotated

import typer

from benchmarks import plots
from benchmarks.encoders import libvips, others, ours, pillow
from benchmarks.encoders.defaults import DEFAULTS
from benchmarks.encoders.record import Encoder
from benchmarks.pictures import PHOTOS, chosen
from benchmarks.plots import Row
from benchmarks.points import SAME_BYTES, SAME_CPU, Curve, Point, on_one_thread
from benchmarks.source import Source, loaded
from benchmarks.tables import dump, show

FORMATS = ("jpeg", "webp", "avif", "jxl")

#: `smart` would be the default's bytes at the cost of measuring.
WAYS = ("default", "max")

#: What all bytes are set in relation to.
BASE = pillow.jpeg("jpeg")

COLUMNS = ("score", "encoder", "default of", "pictures", "bytes", "s/MP", "on the front")

app = typer.Typer(add_completion=False)


@app.command()
def main(  # noqa: PLR0913 - a command has as many arguments as it has options
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            exists=True, help="Pictures or folders; the default comes with scikit-image."
        ),
    ] = None,
    *,
    crop: Annotated[int, typer.Option(min=16, help="Take the middle of larger pictures.")] = 512,
    targets: Annotated[str, typer.Option(help="SSIMULACRA2, separated by commas.")] = "60,70,80,90",
    only: Annotated[str, typer.Option(help="Words, separated by commas.")] = "",
    plots_in: Annotated[
        Path | None, typer.Option("--plots", help="Folder to write the plots into, as SVG.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Measure every encoder at every score; print a table and write the plots."""
    on_one_thread()
    wanted = [int(target) for target in targets.split(",")]
    sources = loaded(chosen(files, PHOTOS), crop=crop, say="Front")
    rows = measure(sources, encoders(only.split(",") if only else [""]), wanted)
    if plots_in is not None:
        plots_in.mkdir(parents=True, exist_ok=True)
        plots.write(plots_in, rows)
    if as_json:
        dump(rows)
        return
    show(
        COLUMNS,
        (
            (
                r.target,
                r.encoder,
                r.peers,
                r.pictures,
                r.size,
                r.cpu,
                "yes" if on_front(r, rows) else "",
            )
            for r in rows
        ),
    )
    for line in verdicts(rows):
        typer.echo(line)


def encoders(words: Sequence[str]) -> list[Encoder]:
    """Return ours and everybody's whose names have one of *words*."""
    mine = [ours.pixmill(format_, way) for format_ in FORMATS for way in WAYS]
    everything = (
        *mine,
        *libvips.ENCODERS,
        *pillow.ENCODERS,
        *pillow.plugged(),
        *others.ENCODERS,
    )
    return [encoder for encoder in everything if any(word in str(encoder) for word in words)]


def measure(
    sources: Iterable[Source], found: Sequence[Encoder], targets: Sequence[int]
) -> list[Row]:
    """Return a row for each score and encoder that reaches it on a picture."""
    pairs: dict[tuple[int, Encoder], list[tuple[Point, Point]]] = {}
    for source in sources:
        base = Curve(BASE, source.opaque)
        for encoder in found:
            curve = Curve(encoder, source.opaque)
            for target in targets:
                at, their = curve.at(target), base.at(target)
                if at is not None and their is not None:
                    pairs.setdefault((target, encoder), []).append((at, their))
    peers: dict[str, list[str]] = {}
    for default in DEFAULTS:
        peers.setdefault(str(default.encoder), []).extend(default.peers)
    rows = [
        Row(
            target=target,
            encoder=str(encoder),
            owner=encoder.owner,
            format=encoder.format,
            peers=", ".join(peers.get(str(encoder), [])),
            pictures=len(points),
            size=geometric_mean(at.size / their.size for at, their in points),
            cpu=median(at.cpu for at, _ in points),
        )
        for (target, encoder), points in pairs.items()
    ]
    return sorted(rows, key=lambda row: (row.target, FORMATS.index(row.format), row.size))


def beats(one: Row, other: Row) -> bool:
    """Say whether *one* is both smaller and cheaper than *other*."""
    return one.size * SAME_BYTES < other.size and one.cpu * SAME_CPU < other.cpu


def on_front(row: Row, rows: Iterable[Row]) -> bool:
    """Say whether nobody of the same format beats *row* at its score."""
    return not any(
        beats(other, row)
        for other in rows
        if (other.target, other.format) == (row.target, row.format)
    )


def verdicts(rows: Sequence[Row]) -> list[str]:
    """Return a line for each peer's default that beats our default."""
    defaults = [row for row in rows if row.peers]
    names = {str(ours.pixmill(format_)) for format_ in FORMATS}
    beaten = [
        f"{peer.peers} ({peer.encoder}) is both smaller and cheaper than {row.encoder} at "
        f"{row.target}."
        for row in rows
        if row.encoder in names
        for peer in defaults
        if (peer.target, peer.format) == (row.target, row.format) and beats(peer, row)
    ]
    return beaten or ["No peer's default is both smaller and cheaper than ours."]


if __name__ == "__main__":
    app()
