"""From the fields of an OptiPic form to the engine's options."""

from collections.abc import Mapping

from pixmill import errors
from pixmill.engine.types import Metadata, Options
from pixmill.http import fields, image_fields

#: Longest side that a resize can be asked for, in pixels (OP-57).
MAX_SIDE = 16_384

#: As published. `AUTO` is ours.
FORMATS = ("jpeg", "png", "webp", "avif")

DEFAULT_QUALITY = 80


def compress_options(form: Mapping[str, object]) -> Options:
    """Return what a compress form asks for. Raises BadOption."""
    return Options(
        format=image_fields.format_(form, "format", FORMATS),
        quality=_quality(form),
        metadata=_metadata(form),
    )


def convert_options(form: Mapping[str, object]) -> Options:
    """Return what a convert form asks for. Raises BadOption, MissingFormat among them (OP-46)."""
    target = image_fields.format_(form, "to", FORMATS)
    if target is None:
        raise errors.MissingFormat
    return Options(format=target, quality=_quality(form), metadata=_metadata(form))


def resize_options(form: Mapping[str, object]) -> Options:
    """Return what a resize form asks for. Raises BadOption, MissingDimensions among them."""
    width, height = (image_fields.side(form, name, most=MAX_SIDE) for name in ("width", "height"))
    if width is None and height is None:
        raise errors.MissingDimensions
    return Options(
        format=image_fields.format_(form, "format", FORMATS),
        quality=_quality(form),
        metadata=_metadata(form),
        width=width,
        height=height,
        fit="exact",
        enlarge=True,
    )


def _metadata(form: Mapping[str, object]) -> Metadata:
    return "strip" if fields.truth(form, "strip_exif", default=True) else "keep"


def _quality(form: Mapping[str, object]) -> int:
    asked = image_fields.quality(form)
    return DEFAULT_QUALITY if asked is None else asked
