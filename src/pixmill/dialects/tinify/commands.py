"""From the JSON that an output is asked for with to the engine's options."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

from pixmill import errors
from pixmill.dialects.tinify import storing
from pixmill.engine.preserve import Fact
from pixmill.engine.types import AUTO, Fit, Options
from pixmill.http import image_fields
from pixmill.services.buckets import Target

#: What can be converted to; ``*/*`` is the smallest of the first four, as in the reference.
ANY = "*/*"
EVERYTHING = ("avif", "webp", "jpeg", "png")
TYPES = {f"image/{name}": name for name in (*EVERYTHING, "jxl")} | {"image/jpg": "jpeg"}

METHODS: Mapping[str, Fit] = {
    "scale": "inside",
    "fit": "inside",
    "cover": "cover",
    "thumb": "thumb",
}

FACTS: tuple[Fact, ...] = get_args(Fact)

COMMANDS = frozenset({"resize", "convert", "transform", "preserve", "store"})

#: The look that is aimed at, on the one scale for all formats.
QUALITY = 80

_COLORS = {"white": (255, 255, 255), "black": (0, 0, 0)}
_HEX = re.compile(r"#?([0-9a-f]{6}|[0-9a-f]{3})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What an output shall be."""

    options: Options
    count: int  #: compressions
    facts: Collection[Fact]
    target: Target | None


def plain(format_: str) -> Options:
    """Return how an upload of that format is compressed when nothing else is asked for."""
    # What is measured gets as few colors as look the same; a PNG is expected to keep more of them.
    return Options(quality=QUALITY, smart=format_ != "png")


def order(given: Mapping[str, object], *, format_: str) -> Order:
    """Return what *given* asks for, of an upload in *format_*. Raises BadOption."""
    unknown = sorted(set(given) - COMMANDS)
    if unknown:
        raise errors.BadOption(f"An output cannot be asked for with {unknown[0][:40]!a}.")
    options = plain(format_)
    count = 0
    # What cannot be seen through in the result needs a color that was asked for.
    options = replace(options, background=None)
    if given.get("resize") is not None:
        options, count = _resized(options, _object(given, "resize")), count + 1
    if given.get("convert") is not None:
        options, count = _converted(options, _object(given, "convert")), count + 1
    if given.get("transform") is not None:
        options = _filled(options, _object(given, "transform"))
    elif count == 0:
        options = plain(format_)
    target = None
    if given.get("store") is not None:
        target = storing.target(_object(given, "store"))
    return Order(options=options, count=count, facts=_facts(given), target=target)


def _object(given: Mapping[str, object], name: str) -> Mapping[str, Any]:
    value = given[name]
    if not isinstance(value, dict):
        raise errors.BadOption(f'"{name}" must be an object.')
    return value


def _resized(options: Options, given: Mapping[str, object]) -> Options:
    method = given.get("method")
    if not isinstance(method, str) or method not in METHODS:
        raise errors.BadOption(f'"resize.method" must be one of {", ".join(METHODS)}.')
    width, height = (image_fields.side(given, name) for name in ("width", "height"))
    if method == "scale" and (width is None) == (height is None):
        raise errors.BadDimensions('"resize" by "scale" takes either a width or a height.')
    if method != "scale" and (width is None or height is None):
        raise errors.MissingDimensions(f'"resize" by "{method}" takes a width and a height.')
    return replace(options, fit=METHODS[method], width=width, height=height, smart=True)


def _converted(options: Options, given: Mapping[str, object]) -> Options:
    value = given.get("type")
    asked = [*map(str, value)] if isinstance(value, list) else [str(value)]
    if not asked or not all(each in (ANY, *TYPES) for each in asked):
        raise errors.UnknownFormat(f'"convert.type" must be of {ANY}, {", ".join(TYPES)}.')
    options = replace(options, smart=True)
    names = EVERYTHING if ANY in asked else tuple(dict.fromkeys(TYPES[each] for each in asked))
    if len(names) == 1:
        return replace(options, format=names[0])
    return replace(options, format=AUTO, accept=names)


def _filled(options: Options, given: Mapping[str, object]) -> Options:
    value = given.get("background")
    if value is None:
        return options
    name = value.strip().lower() if isinstance(value, str) else ""
    color = _COLORS.get(name)
    if color is None and (found := _HEX.fullmatch(name)):
        digits = found[1] if len(found[1]) == 6 else "".join(each * 2 for each in found[1])
        red, green, blue = bytes.fromhex(digits)
        color = red, green, blue
    if color is None:
        raise errors.BadOption('"transform.background" must be white, black, or as in "#1e90ff".')
    return replace(options, background=color, fill=True)


def _facts(given: Mapping[str, object]) -> tuple[Fact, ...]:
    value = given.get("preserve")
    names = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(name, str) and name in FACTS for name in names):
        raise errors.BadOption(f'"preserve" must be a list of {", ".join(FACTS)}.')
    return tuple(fact for fact in FACTS if fact in names)
