"""A picture as every encoder gets it, and the judge of what the encoders made of it."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import pyvips
from imagecodecs import jpegxl_decode
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track

from pixmill.engine.pixels import from_array, to_array
from pixmill.engine.ssimulacra2 import Reference

Pixels = NDArray[np.uint8]

#: The starts of a JPEG XL codestream and container, which libvips does not read here.
_JXL = (b"\xff\x0a", b"\0\0\0\x0cJXL ")

_WHITE = _OPAQUE = 255


class Source:
    """
    Pixels, grey, RGB or RGBA, that encoders take from an uncompressed TIFF.

    Reading that costs 1 to 3 ms a megapixel in libvips and in Pillow alike, so the CPU of a call is
    that of the encoder and of whatever a program does around it, and no decoder blurs the ratio.
    """

    def __init__(self, name: str, pixels: Pixels) -> None:
        self.name = name
        self.pixels = pixels
        self.megapixels = pixels.shape[0] * pixels.shape[1] / 1e6

    @classmethod
    def load(cls, path: Path, *, crop: int | None = None) -> Self:
        """Read *path*; of a larger picture only the middle *crop* × *crop* pixels are taken."""
        with Image.open(path) as picture:
            picture.load()
            pixels = _pixels(picture)
        if crop is not None:
            top, left = (max(0, (side - crop) // 2) for side in pixels.shape[:2])
            pixels = np.ascontiguousarray(pixels[top : top + crop, left : left + crop])
        return cls(path.name, pixels)

    @cached_property
    def opaque(self) -> "Source":
        """The same on white, for formats without alpha."""
        if self.pixels.shape[2] != 4:
            return self
        alpha = self.pixels[:, :, 3:].astype(np.float32) / 255
        mixed = self.pixels[:, :, :3] * alpha + _WHITE * (1 - alpha)
        return Source(self.name, np.rint(mixed).astype(np.uint8))

    @cached_property
    def tiff(self) -> bytes:
        """The pixels as an uncompressed TIFF."""
        return bytes(from_array(self.pixels).tiffsave_buffer())

    @cached_property
    def reference(self) -> Reference:
        """The side of the measurement that is the same for all candidates."""
        return Reference(_colored(self.pixels))

    def score(self, data: bytes) -> float:
        """Return the SSIMULACRA2 of the encoded *data*; under alpha the worse of two grounds."""
        pixels = decoded(data)
        alpha = self.pixels.shape[2] == 4
        if alpha and pixels.shape[2] == 3:  # an encoder noticed that nothing is transparent
            pixels = np.dstack([pixels, np.full(pixels.shape[:2], _OPAQUE, np.uint8)])
        return self.reference.score(pixels if alpha else pixels[:, :, :3])


def loaded(files: Sequence[Path], *, crop: int | None, say: str) -> Iterator[Source]:
    """Give the pictures one after the other, with a progress bar on standard error."""
    for path in track(files, say, console=Console(stderr=True)):
        yield Source.load(path, crop=crop)


def decoded(data: bytes) -> Pixels:
    """Return the pixels of an encoded picture as RGB or RGBA."""
    if data.startswith(_JXL):
        return _colored(np.atleast_3d(jpegxl_decode(data)))
    return to_array(pyvips.Image.new_from_buffer(data, "").colourspace("srgb"))


def _pixels(picture: Image.Image) -> Pixels:
    if picture.mode == "L":
        return np.asarray(picture)[:, :, None]
    pixels = np.asarray(picture.convert("RGBA"))
    return pixels if pixels[:, :, 3].min() < _OPAQUE else np.ascontiguousarray(pixels[:, :, :3])


def _colored(pixels: Pixels) -> Pixels:
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
