"""
What the peers do to a picture when nobody says how: encoder and number.

Read from their sources, or seen in their answers: imgproxy 4, imaginary 1.1.9, Thumbor 7.8 (which
gives AVIF the quality of its JPEG), sharp 0.35 and ipx 3.1 (which lets sharp decide).
"""

from dataclasses import dataclass

from benchmarks.encoders import libvips, others, ours, pillow
from benchmarks.encoders.record import Encoder


@dataclass(frozen=True, slots=True, kw_only=True)
class Default:
    """A peer's default for one format."""

    peers: tuple[str, ...]
    encoder: Encoder
    number: int

    def __str__(self) -> str:
        """Return who, and what their encoder is set to."""
        setting = str(self.encoder).removeprefix(f"{self.encoder.owner} {self.encoder.format}")
        return f"{', '.join(self.peers)}: q{self.number}{setting}"


_optimized = libvips.jpeg("jpeg optimized", optimize_coding=True)
_progressive = pillow.jpeg("jpeg progressive", optimize=True, progressive=True)
_mozjpeg = libvips.jpeg("jpeg mozjpeg qt3", **libvips.MOZJPEG)
_effort_4 = libvips.webp("webp effort 4", effort=4)
_method_4 = pillow.webp("webp method 4", method=4)
_aom_4 = libvips.avif("avif effort 4", effort=4)
_aom_4_full = libvips.avif("avif effort 4 4:4:4", effort=4, subsample_mode="off")
_aom_1 = libvips.avif("avif effort 1", effort=1)
_speed_6 = pillow.avif("avif speed 6", speed=6)

DEFAULTS = (
    Default(peers=("libvips",), encoder=libvips.jpeg("jpeg"), number=80),
    Default(peers=("sharp", "imgproxy"), encoder=_optimized, number=80),
    Default(peers=("Thumbor", "ipx"), encoder=_progressive, number=80),
    Default(peers=("imaginary",), encoder=_optimized, number=75),
    Default(peers=("sharp with mozjpeg",), encoder=_mozjpeg, number=80),
    Default(peers=("Pillow",), encoder=pillow.jpeg("jpeg"), number=75),
    Default(peers=("libvips", "sharp", "ipx"), encoder=_effort_4, number=80),
    Default(peers=("Thumbor", "Pillow"), encoder=_method_4, number=80),
    Default(peers=("imgproxy",), encoder=_effort_4, number=79),
    Default(peers=("imaginary",), encoder=_effort_4, number=75),
    Default(peers=("libvips", "ipx"), encoder=_aom_4, number=50),
    Default(peers=("sharp",), encoder=_aom_4_full, number=50),
    Default(peers=("imgproxy",), encoder=_aom_1, number=63),
    Default(peers=("Thumbor",), encoder=_speed_6, number=80),
    Default(peers=("Pillow",), encoder=_speed_6, number=75),
)

#: PNG has one file for most look alikes, so it is compared by what comes out, not at a score:
#: Pillow's own first, to which the bytes of the others are set in relation.
PNGS = (
    pillow.png("png"),
    libvips.png("png"),
    libvips.png("png palette", palette=True),
    others.packed(2),
    others.packed(4),
    ours.fixed("png lossless", "png", lossless=True),
    ours.fixed("png", "png"),
    ours.fixed("png, smart at 80", "png", target=80),
    ours.fixed("png, max at 80", "png", mode="max", target=80),
)
