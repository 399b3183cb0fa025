"""What an encoder is to a benchmark."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """A way to write one format, with everything fixed but the number that decides the look."""

    name: str
    owner: str  #: the library, or Pixmill
    format: str
    encode: Callable[[Source, float], bytes]
    numbers: Sequence[float]  #: from the worst look to the best

    def __str__(self) -> str:
        """Return owner and name."""
        return f"{self.owner} {self.name}".strip()


#: Numbers of a scale up to 100, so far apart that the look changes by 3 to 8 between two of them.
JPEG_NUMBERS = (25, 36, 47, 57, 66, 74, 81, 86, 90, 93, 95, 97, 99)
WEBP_NUMBERS = (20, 32, 43, 54, 63, 71, 78, 84, 89, 93, 96, 98, 100)
AVIF_NUMBERS = (34, 41, 48, 55, 61, 67, 73, 79, 84, 88, 92, 95, 98)
#: Distances, JPEG XL's number.
JXL_NUMBERS = (8, 6, 4.8, 3.8, 3.0, 2.4, 1.9, 1.4, 1.0, 0.7, 0.5, 0.3)
