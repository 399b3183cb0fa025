"""
Bytes and CPU at equal look: our codecs against Pillow's default JPEG.

    python -m benchmarks.equal_look [FILE…]

Every picture is encoded at several qualities; between them the logarithms of bytes and of CPU
time are interpolated over the measured SSIMULACRA2. CPU is of encoding alone, the quickest of
three runs, and Pillow’s is measured in the same minute, so that the ratio holds on a busy machine.
"""

import sys
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from math import exp, log
from pathlib import Path
from statistics import geometric_mean, median
from typing import NamedTuple

import numpy as np
import pyvips
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.pictures import paths
from pixmill.engine import codecs
from pixmill.engine.pixels import from_array, to_array
from pixmill.engine.plan import plan
from pixmill.engine.quality import interpolate
from pixmill.engine.ssimulacra2 import Reference
from pixmill.engine.types import ImageInfo, Limits, Options, Picture

TARGETS = (60, 70, 80, 90)
QUALITIES = (25, 35, 45, 55, 66, 75, 84, 90, 96, 99)
FORMATS = ("jpeg", "webp", "avif", "jxl")
RUNS = 3

Pixels = NDArray[np.uint8]


class Point(NamedTuple):
    """One encode: how it looks, and what it cost."""

    score: float
    size: int
    cpu: float  #: seconds a megapixel


def main(files: Sequence[Path]) -> None:
    """Print one row a format and target."""
    curves: dict[str, list[list[Point]]] = {name: [] for name in ("pillow", *FORMATS)}
    for path in track(files, "Encoding", console=Console(stderr=True)):
        pixels = np.asarray(Image.open(path).convert("RGB"))
        reference = Reference(pixels)
        for name, found in curves.items():
            found.append([_point(name, quality, pixels, reference) for quality in QUALITIES])
    table = Table(title=f"{len(files)} photographs, against Pillow's default JPEG at equal score")
    for column in ("format", "score", "pictures", "bytes", "CPU s/MP", "Pillow CPU s/MP", "CPU"):
        table.add_column(column, justify="right")
    for name in FORMATS:
        for target in TARGETS:
            table.add_row(name, str(target), *_row(curves["pillow"], curves[name], target))
    Console().print(table)


def _row(theirs: list[list[Point]], ours: list[list[Point]], target: int) -> list[str]:
    """Compare where both reach *target*; bytes as the geometric mean, CPU as the median."""
    pairs = [
        (_at(one, target), _at(other, target))
        for one, other in zip(theirs, ours, strict=True)
        if all(min(curve).score <= target <= max(curve).score for curve in (one, other))
    ]
    if not pairs:
        return ["0", "", "", "", ""]
    cpu, base = (median(pair[side].cpu for pair in pairs) for side in (1, 0))
    return [
        str(len(pairs)),
        f"{geometric_mean(our.size / their.size for their, our in pairs):.3f}",
        f"{cpu:.3f}",
        f"{base:.4f}",
        f"{cpu / base:.1f} ×",
    ]


def _at(curve: list[Point], target: int) -> Point:
    ordered = sorted(curve)
    size = exp(interpolate([(p.score, log(p.size)) for p in ordered], target))
    cpu = exp(interpolate([(p.score, log(p.cpu)) for p in ordered], target))
    return Point(target, round(size), cpu)


def _point(name: str, quality: int, pixels: Pixels, reference: Reference) -> Point:
    encode = _pillow(pixels, quality) if name == "pillow" else _ours(name, pixels, quality)
    seconds = []
    for _ in range(RUNS):
        start = time.process_time()
        data = encode()
        seconds.append(time.process_time() - start)
    megapixels = pixels.shape[0] * pixels.shape[1] / 1e6
    return Point(reference.score(_decoded(name, data)), len(data), min(seconds) / megapixels)


def _pillow(pixels: Pixels, quality: int) -> Callable[[], bytes]:
    picture = Image.fromarray(pixels)

    def encode() -> bytes:
        out = BytesIO()
        picture.save(out, "JPEG", quality=quality)
        return out.getvalue()

    return encode


def _ours(name: str, pixels: Pixels, quality: int) -> Callable[[], bytes]:
    height, width, _ = pixels.shape
    info = ImageInfo(format="png", width=width, height=height)
    steps = plan(info, Options(format=name, quality=quality), Limits())
    picture = Picture(image=from_array(pixels).copy_memory(), page_height=height)
    return lambda: codecs.get(name).encode(picture, steps)


def _decoded(name: str, data: bytes) -> Pixels:
    if name == "jxl":
        from imagecodecs import jpegxl_decode  # noqa: PLC0415 - only this format needs it

        return np.asarray(jpegxl_decode(data))
    image = pyvips.Image.new_from_buffer(data, "")
    return to_array(image.colourspace("srgb"))


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or [p for p in paths() if p.suffix == ".png"][:4])
