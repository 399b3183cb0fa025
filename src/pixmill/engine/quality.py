"""
One scale of quality for every format.

Quality N means "looks like a libjpeg JPEG of quality N", which is what people expect of the number.
The look is measured as SSIMULACRA2; each way of writing a format says which of its encoder's
numbers gives which score (`Way.curve`), measured on photographs (docs/benchmarks.md).
"""

from bisect import bisect_left
from collections.abc import Sequence

#: Points (x, y) whose x ascend, with straight lines between them.
Curve = Sequence[tuple[float, float]]

#: Quality of a libjpeg JPEG (4:2:0) → SSIMULACRA2, as measured on photographs.
LOOK: Curve = (
    (1, 0),
    (10, 5),
    (20, 34),
    (30, 50),
    (45, 60),
    (66, 70),
    (84, 80),
    (96, 90),
    (100, 95),
)


def interpolate(points: Curve, x: float) -> float:
    """Return y at *x* on the line through *points*, whose x ascend; the ends hold beyond them."""
    if x <= points[0][0]:
        return points[0][1]
    if x >= points[-1][0]:
        return points[-1][1]
    right = bisect_left(points, (x, float("-inf")))
    (x0, y0), (x1, y1) = points[right - 1], points[right]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def score_of(quality: float) -> float:
    """Return the SSIMULACRA2 that *quality*, 1–100, stands for."""
    return interpolate(LOOK, quality)
