"""
How well a look is hit: what was asked for, what came out, and what it cost.

    python -m benchmarks.target [FILE or FOLDER…] [--json]

Every picture is asked for at every target in every format. CPU is that of the whole work on the
decoded pixels: content, encodes, reading back, measuring. A target is out of reach where the
encoder has no number that would have come nearer.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Annotated

import numpy as np
import typer
from PIL import Image
from rich.console import Console
from rich.progress import track

from benchmarks.pictures import GRAPHICS, PHOTOS, chosen
from benchmarks.tables import dump, show
from pixmill.engine import codecs
from pixmill.engine.choose import Choice, Subject, choose
from pixmill.engine.content import analyze
from pixmill.engine.look import Look
from pixmill.engine.pixels import from_array
from pixmill.engine.plan import plans
from pixmill.engine.types import ImageInfo, Limits, Options, Picture

TARGETS = (60, 70, 80, 90)
FORMATS = ("jpeg", "webp", "avif")

#: Points within the end of a curve at which the encoder has nothing more to give.
END = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One picture at one target in one format."""

    picture: str
    format: str
    target: int
    score: float
    encodes: int
    cpu: float  #: seconds a megapixel
    size: int
    reachable: bool  #: the encoder could have come nearer


def main(
    files: Annotated[list[Path] | None, typer.Argument(help="Pictures or folders.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print every shot.")] = False,
) -> None:
    """Print a row for each format and target."""
    pictures = chosen(files, (*PHOTOS, *GRAPHICS))
    shots = [
        shot
        for path in track(pictures, "Aiming", console=Console(stderr=True))
        for shot in _shots(path)
    ]
    if as_json:
        dump(shots)
        return
    columns = ("format", "target", "in reach", "within 1.5", "within 3", "worst", "encodes", "CPU")
    show(columns, _rows(shots))


def _rows(shots: Sequence[Shot]) -> Iterator[tuple[object, ...]]:
    for format_ in FORMATS:
        ours = [shot for shot in shots if shot.format == format_]
        for target in TARGETS:
            yield format_, target, *_row([shot for shot in ours if shot.target == target])
        yield format_, "all", *_row(ours)


def _row(shots: Sequence[Shot]) -> tuple[object, ...]:
    misses = [abs(shot.score - shot.target) for shot in shots if shot.reachable] or [0.0]
    return (
        f"{sum(shot.reachable for shot in shots)} of {len(shots)}",
        f"{mean(miss <= 1.5 for miss in misses):.1%}",
        f"{mean(miss <= 3 for miss in misses):.1%}",
        f"{max(misses):.1f}",
        f"{mean(shot.encodes for shot in shots):.2f}",
        f"{mean(shot.cpu for shot in shots):.3f}",
    )


def _shots(path: Path) -> Iterator[Shot]:
    with Image.open(path) as file:
        pixels = np.asarray(file.convert("RGBA" if file.has_transparency_data else "RGB"))
    height, width, bands = pixels.shape
    info = ImageInfo(format="bmp", width=width, height=height, alpha=bands == 4)
    for format_ in FORMATS:
        codec = codecs.get(format_)
        image = from_array(pixels).copy_memory()
        if bands == 4 and not codec.alpha:
            image = image.flatten(background=255).copy_memory()
        picture = Picture(image=image, page_height=height)
        for target in TARGETS:
            (plan,) = plans(info, Options(format=format_, target=target), Limits())
            start = time.process_time()
            look = Look(picture, codec)
            content = analyze(look.pixels)
            choice = choose(Subject(picture=picture, plan=plan, content=content, look=look))
            seconds = time.process_time() - start
            assert choice.score is not None
            yield Shot(
                picture=path.name,
                format=format_,
                target=target,
                score=choice.score,
                encodes=look.measured,
                cpu=seconds / (width * height / 1e6),
                size=len(choice.data),
                reachable=not _at_an_end(choice, choice.score, target),
            )


def _at_an_end(choice: Choice, score: float, target: int) -> bool:
    """Say whether the encoder has no number that would have come nearer."""
    curve = choice.way.curve
    if not curve:
        return True  # no pixel differs
    end = curve[-1] if score < target else curve[0]
    return abs(choice.aim - end[0]) <= END


if __name__ == "__main__":
    typer.run(main)
