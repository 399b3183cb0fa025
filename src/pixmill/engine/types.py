"""The words of the engine: what is asked for, what is there, what will be done, what came out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyvips
from numpy.typing import NDArray

from pixmill.engine.content import Content, Kind
from pixmill.engine.quality import Curve

#: What is done with EXIF, XMP, IPTC, comments and the color profile.
#: ``strip``: all of it goes; pixels are converted to sRGB first. ``keep``: all of it stays.
Metadata = Literal["strip", "keep"]

#: ``inside``: fit within width × height, aspect kept. ``exact``: width × height, aspect given up.
#: ``cover``: width × height, cut out of the picture where there is most to see; never enlarged, so
#: of a smaller picture the largest part of that shape. ``thumb``: the same, but an object that
#: stands free before a plain ground is not cut: it gets more of the ground instead.
Fit = Literal["inside", "exact", "cover", "thumb"]

#: Those of them that cut.
Crop = Literal["cover", "thumb"]

#: Whether a format can hold an animation. ``same``: only when the source had that format too,
#: because nobody who asks for a PNG of a GIF expects an APNG (OP-29).
Animation = Literal["never", "same", "always"]

#: ``size``, ``balanced``, ``quality``: three looks, each reached by measuring. ``max``: the look of
#: ``size`` in the fewest bytes, whatever the time. ``lossless``: no pixel changes.
Mode = Literal["size", "balanced", "quality", "max", "lossless"]

#: Said as a format: the smallest of those that are accepted and that keep what the picture needs.
AUTO = "auto"

#: The effort of a plan for which time does not count.
MOST_EFFORT = 4

#: How a result was made. ``encoded``: from pixels. ``rescanned``: the upload's own pixels, stored
#: in fewer bytes without loss. ``original``: the upload, with the metadata rules applied.
How = Literal["encoded", "rescanned", "original"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the engine refuses to touch, checked before any pixel is read."""

    max_pixels: int = 50_000_000  #: over all frames
    max_side: int = 65_535
    max_frames: int = 1_000
    max_result_pixels: int = 100_000_000  #: over all frames


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a caller asks for; the dialects' words end here."""

    format: str | None = None  #: a codec's name, or `AUTO`; None means the source's own
    accept: tuple[str, ...] = ()  #: what `AUTO` may choose from; empty means all that browsers show
    keeps: tuple[str, ...] = ()  #: without *format*, all but these become `AUTO`; empty keeps all
    quality: int = 80  #: 1–100, on the one scale of `pixmill.engine.quality`
    smart: bool = False  #: reach the look of *quality* by measuring, not by the encoder's promise
    target: float | None = None  #: SSIMULACRA2 to reach by measuring, 30–95; goes before *quality*
    mode: Mode | None = None  #: goes before *quality*
    max_bytes: int | None = None  #: the look is lowered until the result has no more bytes
    lossless: bool = False
    metadata: Metadata = "strip"
    width: int | None = None
    height: int | None = None
    fit: Fit = "inside"
    enlarge: bool = False
    #: Under alpha that the output cannot hold; None refuses pictures in which any shows.
    background: tuple[int, int, int] | None = (255, 255, 255)
    fill: bool = False  #: *background* goes under all alpha, whatever the output could hold

    @property
    def chooses(self) -> bool:
        """Say whether it may be for `AUTO` to choose the format."""
        return self.format == AUTO or (self.format is None and bool(self.keeps))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInfo:
    """What a header says of an image. Nothing here is believed when pixels are read."""

    format: str  #: jpeg, png, webp, avif, gif, heic, tiff or bmp
    width: int  #: as stored, before orientation
    height: int
    frames: int = 1
    loops: int | None = None  #: times an animation plays; 0 is for ever
    alpha: bool = False
    depth: int = 8  #: bits a sample
    colors: Literal["grey", "rgb", "cmyk", "palette"] = "rgb"
    orientation: int = 1  #: EXIF orientation 1–8, from whatever the format keeps it in
    profile: bytes | None = field(default=None, repr=False)  #: ICC profile
    metadata: frozenset[str] = frozenset()  #: of exif, xmp, iptc, comment, gps
    progressive: bool = False  #: needs the whole picture in memory
    lossless: bool = False  #: the file's coding loses nothing (PNG, lossless WebP, GIF …)

    @property
    def pixels(self) -> int:
        """Return the number of pixels over all frames."""
        return self.width * self.height * self.frames

    @property
    def upright_size(self) -> tuple[int, int]:
        """Return width and height as a viewer shows them."""
        if self.orientation >= 5:
            return self.height, self.width
        return self.width, self.height


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be done, decided from `ImageInfo` and `Options` alone. Pure data."""

    source: ImageInfo
    format: str
    score: float  #: SSIMULACRA2 that the result should have
    measured: bool  #: reach *score* by measuring
    lossless: bool
    max_bytes: int | None
    animated: bool  #: keep every frame
    size: tuple[int, int]  #: of the result, upright
    resize: bool
    crop: Crop | None  #: how the shape of the result is cut out; None: all of the picture is there
    keep_metadata: bool
    flatten: tuple[int, int, int] | None  #: put under whatever alpha there is; None keeps alpha
    opaque: bool  #: refuse a picture in which alpha shows
    floor: bool  #: same format and size: the result must not have more bytes than the upload
    effort: int  #: 0 (for very large pictures) to 3 (for ordinary ones); 4: whatever the time

    @property
    def frames(self) -> int:
        """Return the number of frames of the result."""
        return self.source.frames if self.animated else 1

    @property
    def keep(self) -> str:
        """Return libvips' word for what a saver writes beside the pixels."""
        return "all" if self.keep_metadata else "none"

    @property
    def pixels(self) -> int:
        """Return the number of pixels of the result over all frames."""
        return self.size[0] * self.size[1] * self.frames


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """
    Decoded pixels with what belongs to them.

    *image* holds the frames of an animation one below the other, each *page_height* rows high, as
    libvips does. What is kept of EXIF, XMP, IPTC and the ICC profile rides on the image as
    libvips' own fields (``exif-data``, ``xmp-data``, ``iptc-data``, ``icc-profile-data``), so a
    codec that saves through libvips need not name them.
    """

    image: pyvips.Image
    page_height: int
    delays: tuple[int, ...] = ()  #: milliseconds, one per frame; empty for a still
    loops: int = 0  #: times an animation plays; 0 is for ever

    @property
    def frames(self) -> int:
        """Return the number of frames."""
        return int(self.image.height) // self.page_height


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to write a format: at half-resolution color, with a palette, or without loss."""

    name: str
    encode: Callable[[Picture, Plan, float], bytes]  #: the float is the encoder's own number
    #: Points (score, number): which number gives which SSIMULACRA2 on photographs. Empty for a way
    #: that changes no pixel.
    curve: Curve = ()
    whole: bool = True  #: the encoder's numbers are whole
    trusted: bool = True  #: the curve holds for every picture; else each result is measured
    draft: "Way | None" = None  #: much quicker, and off its curve by about as much
    fallback: bool = False  #: only for a picture whose look no way before this one reaches
    #: Called once with what will be the result: fewer bytes, the same pixels.
    finish: Callable[[bytes, Plan], bytes] = lambda data, _plan: data

    @property
    def exact(self) -> bool:
        """Say whether no pixel changes."""
        return not self.curve


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """One output format: what it can hold, and how it is written."""

    name: str
    mime: str
    extension: str
    alpha: bool
    animation: Animation
    profile: bool  #: holds an ICC profile
    lossless: bool  #: can store a still's pixels exactly
    max_side: int  #: longest side that the format can hold, in pixels
    max_depth: int  #: bits a sample that survive
    bytes_per_pixel: int  #: memory that encoding takes at its peak, for admission
    #: Bytes at equal look against a libjpeg JPEG, by kind of picture: the order in which `AUTO`
    #: tries. Empty for a format that it never chooses, because few programs show it.
    weights: Mapping[Kind, float]
    version: str  #: changes whenever the same pixels would give other bytes
    ways: Callable[[Content, Plan], tuple[Way, ...]]  #: that are worth trying, the best first
    read: Callable[[bytes], NDArray[np.uint8]]  #: pixels of a result: (height, width, bands)
    available: Callable[[], bool] = lambda: True


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came out."""

    data: bytes = field(repr=False)
    format: str
    width: int
    height: int
    frames: int
    how: How
    score: float | None = None  #: SSIMULACRA2 against the upload as resized, where measured
    source: ImageInfo

    def facts(self) -> dict[str, Any]:
        """Return everything but the bytes, as plain values for JSON."""
        return {
            "format": self.format,
            "width": self.width,
            "height": self.height,
            "frames": self.frames,
            "how": self.how,
            "score": self.score,
            "source": {
                "format": self.source.format,
                "width": self.source.width,
                "height": self.source.height,
                "frames": self.source.frames,
            },
        }
