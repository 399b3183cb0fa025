"""From the fields of an OptiPic form to the engine's options."""

from collections.abc import Mapping

from pixmill import errors
from pixmill.engine.types import AUTO, Metadata, Options
from pixmill.http import fields

#: Longest side that a resize can be asked for, in pixels (OP-57).
MAX_SIDE = 16_384

#: As published. `AUTO` is ours.
FORMATS = ("jpeg", "png", "webp", "avif")

_ALIASES = {"jpg": "jpeg"}  # OP-30


def compress_options(form: Mapping[str, object]) -> Options:
    """Return what a compress form asks for. Raises BadOption."""
    return Options(format=_format(form, "format"), quality=_quality(form), metadata=_metadata(form))


def convert_options(form: Mapping[str, object]) -> Options:
    """Return what a convert form asks for. Raises BadOption, MissingFormat among them (OP-46)."""
    target = _format(form, "to")
    if target is None:
        raise errors.MissingFormat
    return Options(format=target, quality=_quality(form), metadata=_metadata(form))


def resize_options(form: Mapping[str, object]) -> Options:
    """Return what a resize form asks for. Raises BadOption, MissingDimensions among them."""
    width, height = _side(form, "width"), _side(form, "height")
    if width is None and height is None:
        raise errors.MissingDimensions
    return Options(
        format=_format(form, "format"),
        quality=_quality(form),
        metadata=_metadata(form),
        width=width,
        height=height,
        fit="exact",
        enlarge=True,
    )


def _format(form: Mapping[str, object], name: str) -> str | None:
    value = fields.text(form, name)
    if value is None:
        return None
    value = _ALIASES.get(value.lower(), value.lower())
    if value not in (*FORMATS, AUTO):
        raise errors.UnknownFormat(f'"{name}" must be one of {", ".join(FORMATS)}, or {AUTO}.')
    return value


def _quality(form: Mapping[str, object]) -> int:
    try:
        value = fields.whole(form, "quality")
    except ValueError as error:
        raise errors.BadQuality from error
    if value is None:
        return 80
    if not 1 <= value <= 100:
        raise errors.BadQuality
    return value


def _metadata(form: Mapping[str, object]) -> Metadata:
    return "strip" if fields.truth(form, "strip_exif", default=True) else "keep"


def _side(form: Mapping[str, object], name: str) -> int | None:
    wrong = errors.BadDimensions(f'"{name}" must be a whole number from 1 to {MAX_SIDE}.')
    try:
        value = fields.whole(form, name)
    except ValueError as error:
        raise wrong from error
    if value is not None and not 1 <= value <= MAX_SIDE:
        raise wrong
    return value
