"""PNG: a palette where the eye agrees, lossless where it does not, both through oxipng."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import oxipng
import pyvips
from numpy.typing import NDArray

from pixmill.engine.content import Content
from pixmill.engine.metadata.png import insert_xmp
from pixmill.engine.pixels import exif, field, to_array, to_pillow
from pixmill.engine.types import MOST_EFFORT, Codec, Picture, Plan, Way

# oxipng's level 2 is the knee: level 4 saves 1 % more for five times the CPU (docs/adr/0010).
LEVEL = (0, 1, 2, 2, 4)

# imagequant's effort 6 finds the palettes of 7, its default, for less CPU; lower ones miss the look
# more often. The largest pictures go without a palette, to stay within the deadline.
PALETTE_EFFORT = (None, 1, 4, 6, 10)

#: Of larger photographs than this no palette was ever good enough to pay for trying.
PALETTE_PIXELS = 6_000_000

# At this look nobody wants to find out whether a palette can be told apart.
EXACT_SCORE = 95


def optimize(data: bytes, plan: Plan) -> bytes:
    """Return the PNG *data* in fewer bytes, pixel for pixel the same."""
    return oxipng.optimize_from_memory(data, level=LEVEL[plan.effort])


def _optimize_photo(data: bytes, plan: Plan) -> bytes:
    """Take level 1: of a photograph it finds all but 0.1 % of what 2 does, in half the time."""
    if plan.effort == MOST_EFFORT:
        return optimize(data, plan)
    return oxipng.optimize_from_memory(data, level=min(1, LEVEL[plan.effort]))


def _ways(content: Content, plan: Plan) -> tuple[Way, ...]:
    """
    Prefer a palette where the eye agrees.

    Few colors make a palette that changes no pixel, which oxipng finds; what has one already
    would lose twice.
    """
    exact, palette = (PHOTO, PHOTO_PALETTE) if content.kind == "photo" else (EXACT, PALETTE)
    if plan.lossless or plan.animated or PALETTE_EFFORT[plan.effort] is None:
        return (exact,)
    if content.kind == "photo" and plan.pixels > PALETTE_PIXELS and not plan.max_bytes:
        return (exact,)
    if (
        plan.score >= EXACT_SCORE
        or plan.source.colors == "palette"
        or (content.colors and not plan.measured)
    ):
        # What has to fit may still need a palette that shows.
        return (exact, replace(palette, fallback=True)) if plan.max_bytes else (exact,)
    if content.colors:
        return exact, palette
    if plan.measured and content.kind != "photo":
        return palette, exact
    return palette, replace(exact, fallback=True)


def _palette(picture: Picture, plan: Plan, number: float) -> bytes:
    """Write with at most 256 colors; *number* is imagequant's quality, which decides how many."""
    image, xmp = _without_xmp(picture, plan)
    data: bytes = image.pngsave_buffer(
        palette=True,
        Q=round(number),
        effort=PALETTE_EFFORT[plan.effort],
        compression=1,
        keep=plan.keep,
    )
    return insert_xmp(data, xmp) if xmp else data


def _exact(picture: Picture, plan: Plan, _number: float) -> bytes:
    if picture.frames > 1:
        return _animation(picture, plan)
    image, xmp = _without_xmp(picture, plan)
    data: bytes = image.pngsave_buffer(compression=1, keep=plan.keep)
    return insert_xmp(data, xmp) if xmp else data


def _without_xmp(picture: Picture, plan: Plan) -> tuple[pyvips.Image, bytes | None]:
    """Take the XMP out: libvips would write it compressed, where few programs look for it."""
    xmp = field(picture.image, "xmp-data") if plan.keep_metadata else None
    if xmp is None:
        return picture.image, None
    image = picture.image.copy()
    image.remove("xmp-data")
    return image, xmp


def _animation(picture: Picture, plan: Plan) -> bytes:
    """Write by Pillow: libvips knows no animated PNG."""
    first, *rest = to_pillow(picture)
    profile = field(picture.image, "icc-profile-data") if plan.keep_metadata else None
    out = BytesIO()
    first.save(
        out,
        "PNG",
        save_all=True,
        append_images=rest,
        duration=list(picture.delays),
        loop=picture.loops,
        exif=(exif(picture.image) if plan.keep_metadata else None) or b"",
        icc_profile=profile,
    )
    return out.getvalue()


def _read(data: bytes) -> NDArray[np.uint8]:
    return to_array(pyvips.Image.pngload_buffer(data))


#: imagequant's quality says how well the palette fits, not how the picture looks.
PALETTE = Way(
    name="palette",
    encode=_palette,
    curve=((0, 20), (60, 70), (70, 85), (80, 95), (90, 100)),
    trusted=False,
    finish=optimize,
)

#: A photograph takes all 256 colors at 95; more is not to be had.
PHOTO_PALETTE = replace(PALETTE, curve=PALETTE.curve[:-1])

EXACT = Way(name="lossless", encode=_exact, finish=optimize)

PHOTO = replace(EXACT, finish=_optimize_photo)

CODEC = Codec(
    name="png",
    mime="image/png",
    extension="png",
    alpha=True,
    animation="same",
    profile=True,
    lossless=True,
    max_side=65_535,
    max_depth=16,
    bytes_per_pixel=60,
    weights={"photo": 3.0, "graphic": 0.6, "screenshot": 0.6, "text": 0.5},
    version="3",
    ways=_ways,
    read=_read,
)
