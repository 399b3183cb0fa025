"""From the settings of an export to what is made of each image."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pixmill import errors
from pixmill.engine.types import Fit, Options
from pixmill.http import fields, image_fields
from pixmill.services.sessions.types import Recipe, Wanted

#: What `format` may be (PO-61); ``original`` keeps the image's own.
FORMATS = ("webp", "avif", "jpeg", "png", "original")
DEFAULT_FORMAT = "webp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """One row of the published table (PO-64)."""

    jpeg: int
    webp: int
    avif: int
    png: str


#: The numbers are those of each format's own encoder. Ours has one scale on which the number says
#: how a libjpeg JPEG would look, whatever the format, so that of `jpeg` is what is asked for.
PRESETS: Mapping[str, Preset] = {
    "maximum": Preset(jpeg=98, webp=98, avif=80, png="lossless"),
    "very_high": Preset(jpeg=90, webp=90, avif=65, png="lossless"),
    "high": Preset(jpeg=82, webp=82, avif=55, png="lossless"),
    "medium": Preset(jpeg=75, webp=75, avif=45, png="palette"),
    "low": Preset(jpeg=60, webp=60, avif=35, png="palette"),
    "minimum": Preset(jpeg=35, webp=35, avif=20, png="palette"),
}
DEFAULT_PRESET = "high"

#: What a pixel takes, for whoever estimates sizes before an export (PO-71): the median of
#: `python -m benchmarks.estimates`, half of its photographs are within 40 % of it.
BYTES_PER_PIXEL: Mapping[str, Mapping[str, float]] = {
    "maximum": {"jpeg": 0.454, "webp": 0.432, "avif": 0.403, "png": 1.505},
    "very_high": {"jpeg": 0.217, "webp": 0.192, "avif": 0.154, "png": 1.505},
    "high": {"jpeg": 0.144, "webp": 0.132, "avif": 0.106, "png": 1.505},
    "medium": {"jpeg": 0.114, "webp": 0.108, "avif": 0.084, "png": 0.473},
    "low": {"jpeg": 0.079, "webp": 0.08, "avif": 0.062, "png": 0.473},
    "minimum": {"jpeg": 0.052, "webp": 0.051, "avif": 0.042, "png": 0.414},
}

#: Widths of variants where none are named (PO-77).
BREAKPOINTS = (480, 768, 1024, 1440)

#: Longest side that can be asked for, in pixels, and variants of one image.
MAX_SIDE = 16_383
MOST_SIZES = 20

#: What the image itself is called among its variants (PO-66).
FULL = "full"

FITS: Mapping[str, Fit] = {"inside": "inside", "contain": "inside", "fill": "exact"}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


def recipe(given: object) -> Recipe:
    """Return what *given*, the ``settings`` of a request, ask for. Raises BadOption."""
    if not isinstance(given, dict):
        raise errors.BadOption('"settings" must be an object.')
    format_ = _format(given)
    preset = _preset(given)
    quality = image_fields.quality(given)
    strip = fields.truth(given, "stripMetadata", default=True)
    full = Options(
        format=None if format_ == "original" else format_,
        quality=preset.jpeg if quality is None else quality,
        metadata="strip" if strip else "keep",
        width=image_fields.side(given, "width", most=MAX_SIDE),
        height=image_fields.side(given, "height", most=MAX_SIDE),
        fit=_fit(given),
    )
    exact = quality is None and preset.png == "lossless"
    return Recipe(
        wanted=(Wanted(name=FULL, suffix="", options=full), *_variants(given, full)),
        embed=fields.truth(given, "writeMetadata", default=True),
        lossless=("png",) if exact else (),
    )


def _format(given: Mapping[str, object]) -> str:
    name = (fields.text(given, "format") or DEFAULT_FORMAT).lower()
    name = "jpeg" if name == "jpg" else name
    if name not in FORMATS:
        raise errors.UnknownFormat(f'"format" must be one of {", ".join(FORMATS)}.')
    return name


def _preset(given: Mapping[str, object]) -> Preset:
    name = (fields.text(given, "preset") or DEFAULT_PRESET).lower()
    if name not in PRESETS:
        raise errors.UnknownLevel(f'"preset" must be one of {", ".join(PRESETS)}.')
    return PRESETS[name]


def _fit(given: Mapping[str, object]) -> Fit:
    name = (fields.text(given, "fit") or "inside").lower()
    if name not in FITS:
        raise errors.BadOption(f'"fit" must be one of {", ".join(FITS)}.')
    return FITS[name]


def _variants(given: Mapping[str, object], full: Options) -> list[Wanted]:
    """Return the variants, none of them as large as the full one or larger (PO-63, PO-77)."""
    if not fields.truth(given, "responsive", default=False):
        return []
    sizes = given.get("responsiveSizes")
    if sizes is None:
        sizes = list(BREAKPOINTS)
    if not isinstance(sizes, list) or len(sizes) > MOST_SIZES:
        raise errors.BadOption(f'"responsiveSizes" must be a list of at most {MOST_SIZES} sizes.')
    variants = [_variant(each, full) for each in sizes]
    names = [variant.name.casefold() for variant in variants]
    if len({*names, FULL}) <= len(names):
        raise errors.BadOption(
            f'Each of "responsiveSizes" must have a name of its own, not {FULL}.'
        )
    return [variant for variant in variants if _smaller(variant.options, full)]


def _variant(given: object, full: Options) -> Wanted:
    size = given if isinstance(given, dict) else {"width": given}
    width = image_fields.side(size, "width", most=MAX_SIDE)
    height = image_fields.side(size, "height", most=MAX_SIDE)
    name = fields.text(size, "name")
    if name is None:
        sides = [f"{width}w"] if width else []
        sides += [f"{height}h"] if height else []
        name = "-".join(sides)
    if width is None and height is None:
        raise errors.BadDimensions('Each of "responsiveSizes" must have a "width" or a "height".')
    if not _NAME.fullmatch(name):
        raise errors.BadOption(
            'The name of a size must have 1 to 40 letters, digits, "-" and "_", the first no sign.'
        )
    options = replace(full, width=width, height=height, fit="inside")
    return Wanted(name=name, suffix=f"-{name}", options=options)


def _smaller(options: Options, full: Options) -> bool:
    """Say whether nothing says that a variant would be as large as the full file."""
    return all(
        side is None or most is None or side < most
        for side, most in ((options.width, full.width), (options.height, full.height))
    )
