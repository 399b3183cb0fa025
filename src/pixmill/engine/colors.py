"""The colors that make up a picture, and how much of it each of them covers."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

#: So many colors are named at most.
MOST = 5

# The picture is looked at in so many places a side. Neighbors are not mixed, so that every color
# that is named is there.
_SIDE = 64

# More groups than colors are named, so that a small vivid one does not drown in a large dull one.
_GROUPS = 8

#: Groups that are closer (CIE76) are shades of one color.
_CLOSE = 15.0

#: Shares of less are edges between others.
_LEAST = 0.01

#: Alpha from which a pixel can be seen.
_SEEN = 32

_ROUNDS = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Color:
    """A color, and its share of what can be seen of a picture."""

    hex: str  #: as in ``#c45c3d``
    share: float  #: 0 to 1


def dominant(pixels: NDArray[np.uint8]) -> tuple[Color, ...]:
    """
    Return the main colors of *pixels*, (height, width, 3 or 4 bands of RGB), the largest first.

    None if nothing can be seen. The same picture always has the same colors.
    """
    seen = _seen(pixels)
    if not len(seen):
        return ()
    # A column with three channels: a single row of three columns would be three gray pixels.
    column = cv2.cvtColor(seen[:, np.newaxis].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lab = column[:, 0]
    groups = min(_GROUPS, len(np.unique(seen, axis=0)))
    cv2.setRNGSeed(1)
    _, labels, centers = cv2.kmeans(
        column, groups, np.zeros((0, 1), np.int32), _ROUNDS, 1, cv2.KMEANS_PP_CENTERS
    )
    counts = np.bincount(labels.ravel(), minlength=groups)
    found = []
    for center, count in _merged(np.asarray(centers, np.float32), counts)[:MOST]:
        nearest = seen[np.argmin(((lab - center) ** 2).sum(axis=1))]
        found.append(Color(hex=f"#{bytes(nearest).hex()}", share=round(count / len(seen), 3)))
    return tuple(color for color in found if color.share >= _LEAST)


def _seen(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a sample of the pixels that are not transparent, (number, 3)."""
    height, width = pixels.shape[:2]
    rows = np.linspace(0, height - 1, min(height, _SIDE)).round().astype(int)
    columns = np.linspace(0, width - 1, min(width, _SIDE)).round().astype(int)
    sample = pixels[np.ix_(rows, columns)].reshape(-1, pixels.shape[2])
    if sample.shape[1] == 4:
        sample = sample[sample[:, 3] >= _SEEN]
    return np.ascontiguousarray(sample[:, :3])


def _merged(
    centers: NDArray[np.float32], counts: NDArray[np.int64]
) -> list[tuple[NDArray[np.float32], int]]:
    """Return groups with the number of their members, the largest first, near ones as one."""
    found: list[tuple[NDArray[np.float32], int]] = []
    for index in np.argsort(-counts, kind="stable"):
        center, count = centers[index], int(counts[index])
        for place, (other, members) in enumerate(found):
            if np.linalg.norm(center - other) < _CLOSE:
                found[place] = other, members + count
                break
        else:
            if count:
                found.append((center, count))
    return sorted(found, key=lambda each: -each[1])
