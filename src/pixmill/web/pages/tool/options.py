"""From the controls of the page to the engine's options."""

from collections.abc import Mapping

from starlette.requests import HTTPConnection

from pixmill import errors
from pixmill.engine.plan import TARGETS
from pixmill.engine.types import AUTO, Fit, Options
from pixmill.http import fields, image_fields, native

__all__ = ["FORMATS", "LOOKS", "QUALITY", "TARGETS", "wanted"]

#: What can be asked for, beside `AUTO` and `SAME`, and what it is called.
FORMATS: Mapping[str, str] = {"jpeg": "JPEG", "png": "PNG", "webp": "WebP", "avif": "AVIF"}

#: Said as a format: the upload's own, where browsers show it.
SAME = "same"
_KEPT = (*FORMATS, "gif")

#: Quality unless somebody moves the slider.
QUALITY = 75

#: How the look can be said.
LOOKS: Mapping[str, str] = {
    "smart": "By the slider, measured",
    "size": "Smaller",
    "balanced": "Balanced",
    "quality": "Finer",
    "max": "Fewest bytes, slowly",
    "lossless": "Without loss",
    "target": "By score",
}

#: Longest side that can be asked for, in pixels: what the APIs take, so that the call can be shown.
MAX_SIDE = 8_000


def wanted(given: Mapping[str, object], request: HTTPConnection) -> Options:
    """Return what the controls say. Raises BadOption, or one of its kinds."""
    asked = fields.text(given, "format") or AUTO
    fit = _fit(given)
    quality = image_fields.quality(given)
    options = Options(
        format=None if asked == SAME else image_fields.known_format(asked, "format", FORMATS),
        keeps=_KEPT,
        quality=QUALITY if quality is None else quality,
        metadata="keep" if fields.truth(given, "keep_exif", default=False) else "strip",
        width=image_fields.side(given, "width", most=MAX_SIDE),
        height=image_fields.side(given, "height", most=MAX_SIDE),
        fit=fit,
        enlarge=fit == "exact",  # as the API does that is shown for it
    )
    return native.wish(options, _look(given), request).options


def _look(given: Mapping[str, object]) -> Mapping[str, object]:
    """Return what the controls say of the look, in our own fields."""
    look = fields.text(given, "look") or "smart"
    if look not in LOOKS:
        raise errors.BadOption(f'"look" must be one of {", ".join(LOOKS)}.')
    said: dict[str, object] = {"max_bytes": _max_bytes(given)}
    match look:
        case "smart":
            said["smart"] = "true"
        case "target":
            said["target"] = given.get("target")
        case mode:
            said["mode"] = mode
    return said


def _max_bytes(given: Mapping[str, object]) -> int | None:
    wrong = errors.BadOption("The largest size must be a number of kB.")
    try:
        size = fields.number(given, "max_kb")
    except ValueError as error:
        raise wrong from error
    if size is not None and size <= 0:
        raise wrong
    return None if size is None else max(1, round(size * 1000))


def _fit(given: Mapping[str, object]) -> Fit:
    match fields.text(given, "fit"):
        case None | "inside":
            return "inside"
        case "exact":
            return "exact"
    raise errors.BadOption('"fit" must be "inside" or "exact".')
