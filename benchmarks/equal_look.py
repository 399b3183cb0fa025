"""
Bytes and CPU at equal look: our codecs against the defaults of the peers.

    python -m benchmarks.equal_look [FILE | FOLDER]…
    python -m benchmarks.equal_look --graphics [FILE | FOLDER]…

Each picture is encoded as the peer does when nobody says how, and the SSIMULACRA2 of that is
measured; then our encoder is asked for the same score: its numbers are halved until two neighbors
enclose it, and between them the logarithms of bytes and of CPU are interpolated. Both sides read
the same uncompressed TIFF. CPU is user and system time of the whole call on one thread, of ours all
of `optimize`, the quickest of up to three runs. PNG has no look to be set, so what comes out is
compared with Pillow's default PNG.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, geometric_mean, median
from typing import Annotated

import typer

from benchmarks.encoders import ours
from benchmarks.encoders.defaults import DEFAULTS, PNGS, Default
from benchmarks.encoders.record import Encoder
from benchmarks.pictures import GRAPHICS, PHOTOS, chosen
from benchmarks.points import SAME_BYTES, SAME_CPU, Curve, Point, measure, on_one_thread
from benchmarks.source import Source, loaded
from benchmarks.tables import dump, show

LOSSY = ("jpeg", "webp", "avif")
COLUMNS = ("ours", "against", "pictures", "score", "bytes", "CPU", "s/MP", "theirs", "ours is")
PNG_COLUMNS = ("PNG", "pictures", "bytes", "score", "worst", "s/MP")

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
    graphics: Annotated[
        bool, typer.Option("--graphics", help="The pictures are graphics: PNG too.")
    ] = False,
    formats: Annotated[str, typer.Option(help="Which, separated by commas.")] = ",".join(LOSSY),
    ways: Annotated[str, typer.Option(help="default, smart and max, by commas.")] = "default,max",
    crop: Annotated[
        int | None, typer.Option(min=16, help="Take the middle of larger pictures, so wide.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Compare bytes and CPU of our codecs with the peers' defaults at the same score."""
    on_one_thread()
    pictures = chosen(files, GRAPHICS if graphics else PHOTOS)
    rows = compare(
        loaded(pictures, crop=crop, say="Equal look"), formats.split(","), ways.split(",")
    )
    pngs = compare_png(loaded(pictures, crop=crop, say="PNG")) if graphics else []
    if as_json:
        dump([*rows, *pngs])
        return
    show(
        COLUMNS,
        (
            (
                r.ours,
                r.against,
                r.pictures,
                r.score,
                r.size,
                r.cpu,
                r.our_cpu,
                r.their_cpu,
                r.verdict,
            )
            for r in rows
        ),
    )
    if graphics:
        show(PNG_COLUMNS, ((p.encoder, p.pictures, p.size, p.score, p.worst, p.cpu) for p in pngs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One encoder of ours against one default."""

    ours: str
    against: str
    pictures: int  #: on which ours reaches the score of the default
    score: float  #: mean
    size: float  #: ours ÷ theirs, geometric mean
    cpu: float  #: ours ÷ theirs, median
    our_cpu: float  #: seconds a megapixel, median
    their_cpu: float

    @property
    def verdict(self) -> str:
        """Say what of ours is better; *neither* is what must not be."""
        better = [
            *(["smaller"] if self.size * SAME_BYTES < 1 else []),
            *(["cheaper"] if self.cpu * SAME_CPU < 1 else []),
        ]
        if self.size > SAME_BYTES and self.cpu > SAME_CPU:
            return "neither"
        return " and ".join(better) or "equal"


@dataclass(frozen=True, slots=True, kw_only=True)
class PngRow:
    """One way to write PNG."""

    encoder: str
    pictures: int
    size: float  #: ÷ Pillow's, geometric mean
    score: float  #: mean
    worst: float
    cpu: float  #: seconds a megapixel, median


def compare(sources: Iterable[Source], formats: Sequence[str], ways: Sequence[str]) -> list[Row]:
    """Set our encoders, asked in each of *ways*, in relation to every default of their format."""
    contests = [
        (ours.pixmill(default.encoder.format, way), default)
        for default in DEFAULTS
        if default.encoder.format in formats
        for way in ways
    ]
    found: list[list[tuple[Point, Point]]] = [[] for _ in contests]
    for source in sources:
        curves: dict[str, Curve] = {}
        points: dict[str, Point] = {}
        for (encoder, default), pairs in zip(contests, found, strict=True):
            fitting = source.opaque if default.encoder.format == "jpeg" else source
            theirs = points.get(str(default)) or measure(default.encoder, fitting, default.number)
            points[str(default)] = theirs
            at = curves.setdefault(encoder.name, Curve(encoder, fitting)).at(theirs.score)
            if at is not None:
                pairs.append((at, theirs))
    return [
        _row(encoder, default, pairs)
        for (encoder, default), pairs in zip(contests, found, strict=True)
        if pairs
    ]


def compare_png(sources: Iterable[Source]) -> list[PngRow]:
    """Set every way to write PNG in relation to the first."""
    found: list[list[Point]] = [[] for _ in PNGS]
    for source in sources:
        for encoder, points in zip(PNGS, found, strict=True):
            points.append(measure(encoder, source, encoder.numbers[-1]))
    return [
        PngRow(
            encoder=str(encoder),
            pictures=len(points),
            size=geometric_mean(
                point.size / first.size for point, first in zip(points, found[0], strict=True)
            ),
            score=fmean(p.score for p in points),
            worst=min(p.score for p in points),
            cpu=median(p.cpu for p in points),
        )
        for encoder, points in zip(PNGS, found, strict=True)
    ]


def _row(encoder: Encoder, default: Default, pairs: Sequence[tuple[Point, Point]]) -> Row:
    return Row(
        ours=encoder.name,
        against=str(default),
        pictures=len(pairs),
        score=fmean(theirs.score for _, theirs in pairs),
        size=geometric_mean(our.size / theirs.size for our, theirs in pairs),
        cpu=median(our.cpu / theirs.cpu for our, theirs in pairs),
        our_cpu=median(our.cpu for our, _ in pairs),
        their_cpu=median(theirs.cpu for _, theirs in pairs),
    )


if __name__ == "__main__":
    app()
