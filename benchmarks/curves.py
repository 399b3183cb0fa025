"""
Which number of an encoder gives which look: the curves in `pixmill.engine.codecs`.

    python -m benchmarks.curves [FILE…]

Every photograph is encoded at many numbers in every way of every codec, and measured. Printed is,
at some scores, the number that gives them in the mean.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import mean

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track

from benchmarks.pictures import PHOTOS, paths
from benchmarks.tables import show
from pixmill.engine import codecs
from pixmill.engine.content import analyze
from pixmill.engine.look import Look
from pixmill.engine.pixels import from_array
from pixmill.engine.plan import plans
from pixmill.engine.quality import interpolate
from pixmill.engine.types import Codec, ImageInfo, Limits, Options, Picture, Way

SCORES = (0, 20, 30, 40, 50, 60, 65, 70, 75, 80, 85, 90, 93, 95)

#: Numbers tried, evenly spread over those of a curve.
STEPS = 20


def main(files: Sequence[Path]) -> None:
    """Print a column for each way of each codec."""
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in files]
    ways = _ways()
    columns = [
        _column(codec, way, pictures)
        for codec, way in track(ways, "Encoding", console=Console(stderr=True))
    ]
    names = (f"{codec.name} {way.name}" for codec, way in ways)
    show(("score", *names), zip(SCORES, *columns, strict=True))


def _ways() -> list[tuple[Codec, Way]]:
    """Return every way that a codec offers for a photograph at some score and trusts."""
    info = ImageInfo(format="png", width=64, height=64)
    noise = analyze(np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8))
    found: dict[tuple[str, str], tuple[Codec, Way]] = {}
    for codec, edges in product(codecs.all_codecs().values(), (0, 99)):
        (plan,) = plans(info, Options(format=codec.name), Limits())
        for way in codec.ways(replace(noise, kind="photo", color_edges=edges), plan):
            for each in (way, way.draft):
                if each and each.curve and each.trusted:
                    found[codec.name, each.name] = codec, each
    return list(found.values())


def _column(codec: Codec, way: Way, pictures: Sequence[NDArray[np.uint8]]) -> list[str]:
    low, high = sorted((way.curve[0][1], way.curve[-1][1]))
    numbers = [low + (high - low) * (step / STEPS) ** 1.2 for step in range(STEPS + 1)]
    if way.whole:
        numbers = sorted({round(number) for number in numbers})
    points = []
    for number in numbers:
        scores = [_score(codec, way, pixels, number) for pixels in pictures]
        points.append((mean(scores), number))
    points.sort()
    return [f"{interpolate(points, score):.2f}" for score in SCORES]


def _score(codec: Codec, way: Way, pixels: NDArray[np.uint8], number: float) -> float:
    height, width, _ = pixels.shape
    info = ImageInfo(format="png", width=width, height=height)
    (plan,) = plans(info, Options(format=codec.name), Limits())
    picture = Picture(image=from_array(pixels).copy_memory(), page_height=height)
    return Look(picture, codec).score(way.encode(picture, plan, number))


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or paths(PHOTOS))
