"""How a picture should look, and how near to that an encoder's output comes."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pixmill.engine.pixels import to_array
from pixmill.engine.ssimulacra2 import Reference
from pixmill.engine.types import Codec, Picture

Pixels = NDArray[np.uint8]


class Look:
    """A decoded picture as the standard that what is made of it is held against."""

    def __init__(self, picture: Picture, codec: Codec) -> None:
        self.codec = codec
        self._picture = picture
        #: How many files have been held against it.
        self.measured = 0

    @cached_property
    def pixels(self) -> Pixels:
        """Return the pixels, 8 bits a sample: (height, width, bands)."""
        return _eight_bit(to_array(self._picture.image))

    @cached_property
    def _reference(self) -> Reference:  # most pictures are never measured
        return Reference(self.pixels)

    def score(self, data: bytes) -> float:
        """Return the SSIMULACRA2 of *data*, a file in the codec's format."""
        self.measured += 1
        return self._reference.score(_like(self.codec.read(data), self.pixels.shape[2]))


def _eight_bit(pixels: NDArray[Any]) -> Pixels:
    return (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels


def _like(pixels: Pixels, bands: int) -> Pixels:
    """Return *pixels* in *bands*: encoders drop alpha that is opaque, and color that is gray."""
    if pixels.shape[2] == bands:
        return pixels
    colors = pixels if pixels.shape[2] % 2 else pixels[:, :, :-1]
    alpha = np.full_like(pixels[:, :, :1], 255) if pixels.shape[2] % 2 else pixels[:, :, -1:]
    wanted = bands if bands % 2 else bands - 1
    if colors.shape[2] < wanted:
        colors = np.repeat(colors, 3, axis=2)
    colors = colors[:, :, :wanted]
    return np.ascontiguousarray(colors if bands % 2 else np.concatenate((colors, alpha), axis=2))
