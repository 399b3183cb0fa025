"""What each codec costs and gives: bytes, CPU seconds a megapixel, score."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from pixmill import errors
from pixmill.engine import codecs
from pixmill.engine.decode import decode
from pixmill.engine.optimize import optimize
from pixmill.engine.pixels import to_array
from pixmill.engine.plan import plans
from pixmill.engine.probe import probe
from pixmill.engine.ssimulacra2 import Reference
from pixmill.engine.transform import transform
from pixmill.engine.types import Limits, Options

#: Of several runs the quickest is the one that was disturbed least.
RUNS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecFigures:
    """One format over all pictures."""

    format: str
    pictures: int
    megapixels: float
    bytes_before: int
    bytes_after: int
    cpu_seconds_per_mp: float
    score: float | None  #: mean SSIMULACRA2; None where the result cannot be read back here

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def measure(files: Sequence[Path], quality: int) -> Iterator[CodecFigures]:
    """Put every picture through every codec, decoding and all, and give a row a codec."""
    uploads = [path.read_bytes() for path in files]
    for name in sorted(codecs.names()):
        cpu = pixels = 0.0
        before = after = 0
        scores = []
        for data in uploads:
            seconds, result = _cheapest(data, Options(format=name, quality=quality))
            cpu += seconds
            pixels += result.width * result.height * result.frames
            before += len(data)
            after += len(result.data)
            scores.append(_score(data, result.data))
        known = [score for score in scores if score is not None]
        yield CodecFigures(
            format=name,
            pictures=len(uploads),
            megapixels=round(pixels / 1e6, 3),
            bytes_before=before,
            bytes_after=after,
            cpu_seconds_per_mp=round(cpu / (pixels / 1e6), 4),
            score=round(sum(known) / len(known), 2) if known else None,
        )


def _cheapest(data: bytes, options: Options) -> tuple[float, Any]:
    runs = []
    for _ in range(RUNS):
        start = time.process_time()
        result = optimize(data, options, Limits())
        runs.append((time.process_time() - start, result))
    return min(runs, key=lambda run: run[0])


def _score(before: bytes, after: bytes) -> float | None:
    try:
        return Reference(_pixels(before)).score(_pixels(after))
    except errors.UnsupportedFormat:
        return None


def _pixels(data: bytes) -> NDArray[Any]:
    """Return the first frame of *data* as 8-bit sRGB on white."""
    (steps,) = plans(probe(data), Options(format="jpeg"), Limits())
    image = transform(decode(data, steps), steps).image
    return to_array(image.colourspace("srgb"))
