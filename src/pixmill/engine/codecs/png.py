"""PNG: a palette where the eye agrees, lossless where it does not, both through oxipng."""

from io import BytesIO

import oxipng
import pyvips

from pixmill.engine.metadata.png import insert_xmp
from pixmill.engine.pixels import exif, field, to_array, to_pillow
from pixmill.engine.quality import interpolate, score_of
from pixmill.engine.ssimulacra2 import compare
from pixmill.engine.types import Codec, Picture, Plan

# oxipng's level 2 is the knee: level 4 saves 1 % more for five times the CPU (docs/adr/0010).
LEVEL = (0, 1, 2, 2)

# imagequant's effort 6 finds the palettes of 7, its default, for less CPU; lower ones miss the look
# more often. The largest pictures go without a palette, to stay within the deadline.
PALETTE_EFFORT = (None, 1, 4, 6)

#: Quality → imagequant's own quality, which decides how many colors a palette may spend.
PALETTE = ((1, 20), (45, 70), (66, 85), (84, 95), (96, 100))

# At quality 100 nobody wants to find out whether a palette can be told apart.
EXACT_QUALITY = 100


def encode(picture: Picture, plan: Plan) -> bytes:
    """Write *picture*: by palette if its measured look reaches the quality asked for."""
    image = picture.image.copy_memory()
    xmp = field(image, "xmp-data") if plan.keep_metadata else None
    if xmp:  # libvips would write it compressed, where few programs look for it
        image = image.copy()
        image.remove("xmp-data")
    if picture.frames > 1:
        data = _animation(picture, plan)
    else:
        exact = plan.lossless or plan.quality >= EXACT_QUALITY
        palette = None if exact else _palette(image, plan)
        data = palette or image.pngsave_buffer(compression=1, keep=plan.keep)
    if xmp:
        data = insert_xmp(data, xmp)
    return optimize(data, plan)


def optimize(data: bytes, plan: Plan) -> bytes:
    """Return the PNG *data* in fewer bytes, pixel for pixel the same."""
    return oxipng.optimize_from_memory(data, level=LEVEL[plan.effort])


def _palette(image: pyvips.Image, plan: Plan) -> bytes | None:
    """Return *image* with at most 256 colors, or None where that can be seen."""
    effort = PALETTE_EFFORT[plan.effort]
    if image.format != "uchar" or effort is None:
        return None
    data: bytes = image.pngsave_buffer(
        palette=True,
        Q=round(interpolate(PALETTE, plan.quality)),
        effort=effort,
        compression=1,
        keep=plan.keep,
    )
    result = pyvips.Image.pngload_buffer(data)
    if result.bands != image.bands:  # opaque alpha has gone, or grey has become color
        result = _like(result, image)
    score = compare(to_array(image), to_array(result))
    return data if score >= score_of(plan.quality) else None


def _like(image: pyvips.Image, model: pyvips.Image) -> pyvips.Image:
    """Return *image* with the bands of *model*."""
    if image.hasalpha() and not model.hasalpha():
        image = image.flatten()
    image = image.colourspace(model.interpretation)
    if model.hasalpha() and not image.hasalpha():
        image = image.addalpha()
    return image


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
    curve=((0, 1), (95, 100)),
    version="1",
    encode=encode,
)
