"""From the fields of an OctoSqueeze form, or of its JSON, to the engine's options."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from math import isfinite

from starlette.requests import HTTPConnection

from pixmill import errors
from pixmill.engine.types import Metadata, Mode, Options
from pixmill.http import fields, image_fields, native
from pixmill.http.native import MODES

#: As published (OS-15). `AUTO` is ours.
FORMATS = ("jpeg", "png", "webp", "avif")

#: What the engine is told where `mode` decides.
QUALITY = 80

#: Of Pixmill's own fields, those that OctoSqueeze does not have already.
NATIVE = ("target", "smart", "max_bytes", "accept")

#: What clients send to know their own images again; it comes back as it was (OS-39).
LABELS = ("image_id", "name", "hash")

Label = str | int | float

_EMPTY: tuple[object, ...] = (None, "", [])

#: Of these, what an item of a batch says takes the place of all that is said for the whole batch:
#: its `mode` would mean nothing beside the batch's `quality`.
_TOGETHER = (("mode", "type", "quality", "target"), ("format", "formats"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one call asks for."""

    options: Options  #: of the main result
    #: Every format that there shall be a result of, the main one among them; empty unless `formats`
    #: was sent.
    formats: tuple[str, ...]
    labels: Mapping[str, Label]

    @property
    def wanted(self) -> tuple[Options, ...]:
        """Return what is asked for, one for each result; the main one first."""
        return (self.options, *map(self.of, self.formats[1:]))

    def of(self, name: str) -> Options:
        """Return what is asked for in the format *name*."""
        return replace(self.options, format=name)


def asked(form: Mapping[str, object], request: HTTPConnection) -> Asked:
    """Return what *form* asks for. Raises BadOption."""
    main, listed = image_fields.format_(form, "format", FORMATS), _formats(form)
    wanted = dict.fromkeys(name for name in (main, *listed) if name)
    mode, quality = _mode(form), image_fields.quality(form)
    options = Options(
        format=next(iter(wanted), None),
        quality=QUALITY if quality is None else quality,
        mode=mode if quality is None else None,  # OS-17
        metadata=_metadata(form),
        width=image_fields.side(form, "width"),
        height=image_fields.side(form, "height"),
    )
    return Asked(
        options=native.wish(options, form, request, names=NATIVE).options,
        formats=tuple(wanted) if listed else (),
        labels={name: _label(form, name) for name in LABELS if form.get(name) is not None},
    )


def combined(general: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
    """Return the options of an item: its *own*, and the *general* ones they leave alone (OS-42)."""
    replaced = {
        name
        for names in _TOGETHER
        if any(own.get(name) not in _EMPTY for name in names)
        for name in names
    }
    return {name: value for name, value in general.items() if name not in replaced} | dict(own)


def echo(given: Mapping[str, object], names: Iterable[str]) -> dict[str, Label | None]:
    """Return those fields of *given* that can be sent back; null for the others among *names*."""
    found: dict[str, Label | None] = dict.fromkeys(names)
    for name in found:
        with suppress(errors.BadOption):
            found[name] = _label(given, name)
    return found


def _formats(form: Mapping[str, object]) -> tuple[str, ...]:
    """Return what is listed: as a list, or as in ``webp,avif``; an empty one asks for nothing."""
    value = form.get("formats")
    names = value if isinstance(value, list) else (fields.text(form, "formats") or "").split(",")
    return tuple(
        image_fields.known_format(str(name), "formats", FORMATS)
        for name in names
        if str(name).strip()
    )


def _mode(form: Mapping[str, object]) -> Mode:
    # Some clients send it under its older name (OS-39).
    value = fields.text(form, "mode") or fields.text(form, "type") or "balanced"
    for mode in MODES:
        if mode == value.lower():
            return mode
    raise errors.BadOption(f'"mode" must be one of {", ".join(MODES)}.')


def _metadata(form: Mapping[str, object]) -> Metadata:
    return "strip" if fields.truth(form, "strip_metadata", default=False) else "keep"  # OS-19


def _label(form: Mapping[str, object], name: str) -> Label:
    match form.get(name):
        # A JSON text may hold half a character, and a number may be none; neither can be sent back.
        case str(value) if value == value.encode("utf-8", "replace").decode():
            return value
        case int(value):
            return value
        case float(value) if isfinite(value):
            return value
    raise errors.BadOption(f'"{name}" must be a text or a number.')
