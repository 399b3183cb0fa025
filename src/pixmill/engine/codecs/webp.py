"""WebP, through libwebp as libvips drives it."""

from dataclasses import replace
from functools import partial
from io import BytesIO

import numpy as np
import pyvips
from numpy.typing import NDArray
from PIL import Image

from pixmill.engine.content import Content
from pixmill.engine.quality import interpolate
from pixmill.engine.types import Codec, Picture, Plan, Way

# At equal SSIMULACRA2 effort 5 saves 2 to 4 % against 4 for a seventh more CPU, and 6 another 2 %
# for twice the CPU (docs/adr/0008). Very large pictures step down to stay within the deadline.
EFFORT = (2, 3, 4, 5, 6)

#: Score → color edges (`Content.color_edges`) from which sharp YUV, which costs 0.1 CPU s/MP, saves
#: more than 1 % (docs/adr/0016). Below them it saves nothing.
SHARP_EDGES = ((60, 4.0), (70, 2.0), (80, 1.2), (85, 0.7), (90, 0.5))


#: Flat areas between hard steps have fewer bytes without loss than with it (docs/adr/0016).
FLAT = 0.5
SOFT = 0.6

#: Pixels up to which a palette is tried: a logo of text on nothing takes half the bytes with one,
#: and in what is larger, finding the colors costs more time than it is worth.
PALETTE_PIXELS = 250_000

#: From here on no palette looks good enough, as in a PNG.
EXACT_SCORE = 90


def _ways(content: Content, plan: Plan) -> tuple[Way, ...]:
    """Choose by what the picture is; where results are measured, try what might be smaller."""
    if plan.lossless:
        return (EXACT,)
    drawn = content.flat >= FLAT and (content.colors is not None or content.soft < SOFT)
    sharp = content.color_edges >= interpolate(SHARP_EDGES, plan.score)
    lossy = SHARP if sharp else PLAIN
    if plan.animated and plan.source.colors == "palette":
        return lossy, EXACT  # flat animations have fewer bytes without loss
    if not plan.measured:
        return (EXACT,) if drawn else (lossy,)
    exact = EXACT if content.colors else NEARLY
    small = plan.pixels <= PALETTE_PIXELS and plan.score < EXACT_SCORE
    palette = (PALETTE,) if small and not (plan.animated or plan.keep_metadata) else ()
    if content.kind == "photo":
        # With nothing round it, it may be a logo.
        palette = () if content.opaque else palette
        return lossy, *palette, replace(SHARP, fallback=True), replace(exact, fallback=True)
    return lossy, *palette, exact


def _lossy(picture: Picture, plan: Plan, number: float, *, sharp: bool) -> bytes:
    return _save(
        picture,
        plan,
        Q=round(number),
        smart_subsample=sharp,  # keeps thin colored edges that plain 4:2:0 smears
        # Each frame of an animation lossless or lossy, whichever suits it.
        mixed=picture.frames > 1,
    )


def _nearly(picture: Picture, plan: Plan, number: float) -> bytes:
    """Move pixels a little before writing them without loss; at 100 not at all."""
    return _save(picture, plan, near_lossless=True, Q=round(number))


def _palette(picture: Picture, plan: Plan, number: float) -> bytes:
    """Find at most 256 colors as for a PNG (*number* is imagequant's), and write without loss."""
    found = picture.image.pngsave_buffer(palette=True, Q=round(number), compression=0, keep="none")
    return _exact(replace(picture, image=pyvips.Image.pngload_buffer(found)), plan, 0)


def _exact(picture: Picture, plan: Plan, _number: float) -> bytes:
    return _save(picture, plan, lossless=True)


def _save(picture: Picture, plan: Plan, **how: float | bool) -> bytes:
    data: bytes = picture.image.webpsave_buffer(
        effort=EFFORT[plan.effort], page_height=picture.page_height, keep=plan.keep, **how
    )
    return data


def _read(data: bytes) -> NDArray[np.uint8]:
    """Decode by Pillow, which takes half the time that libvips does."""
    with Image.open(BytesIO(data), formats=["WEBP"]) as image:
        return np.asarray(image)


# Measured on ten photographs: `python -m benchmarks.curves`.
_PLAIN = (
    (0, 3),
    (20, 6.7),
    (30, 12.6),
    (40, 21.2),
    (50, 32.8),
    (60, 49.8),
    (65, 61),
    (70, 73.6),
    (75, 80),
    (80, 85.6),
    (85, 91.5),
    (89.5, 100),
)
_SHARP = (
    (0, 3),
    (20, 6.5),
    (30, 12.5),
    (40, 20.6),
    (50, 31.9),
    (60, 47.8),
    (65, 59.3),
    (70, 72.4),
    (75, 78.9),
    (80, 84.5),
    (85, 90.3),
    (90, 97),
    (91.5, 100),
)

PLAIN = Way(name="plain", encode=partial(_lossy, sharp=False), curve=_PLAIN)

SHARP = Way(name="sharp", encode=partial(_lossy, sharp=True), curve=_SHARP)

#: libwebp rounds levels to steps of 20.
NEARLY = Way(
    name="near-lossless",
    encode=_nearly,
    curve=((87, 0), (90, 20), (93, 40), (95, 60), (97, 80)),
    trusted=False,
)

#: The curve is that of PNG's palette.
PALETTE = Way(
    name="palette",
    encode=_palette,
    curve=((0, 20), (60, 70), (70, 85), (80, 95), (90, 100)),
    trusted=False,
)

EXACT = Way(name="lossless", encode=_exact)

CODEC = Codec(
    name="webp",
    mime="image/webp",
    extension="webp",
    alpha=True,
    animation="always",
    profile=True,
    lossless=True,
    max_side=16_383,
    max_depth=8,
    bytes_per_pixel=24,
    weights={"photo": 0.80, "graphic": 0.4, "screenshot": 0.4, "text": 0.4},
    version="3",
    ways=_ways,
    read=_read,
)
