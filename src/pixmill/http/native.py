"""
What Pixmill adds to the image calls of every API: how a result should look, and `auto`.

The fields mean the same everywhere. A dialect in which one of them means something else already
reads only the others.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

from starlette.requests import HTTPConnection

from pixmill import errors
from pixmill.engine.plan import TARGETS
from pixmill.engine.types import Mode, Options
from pixmill.http import fields, negotiation
from pixmill.services.outcome import Outcome

MODES: tuple[Mode, ...] = get_args(Mode)

#: The fields, each with its JSON schema.
FIELDS: Mapping[str, Mapping[str, Any]] = {
    "target": {
        "type": "number",
        "minimum": TARGETS[0],
        "maximum": TARGETS[1],
        "description": "SSIMULACRA2 that the result shall have. Reached by measuring; goes before "
        "`mode` and `quality`.",
    },
    "smart": {
        "type": "boolean",
        "default": False,
        "description": "Reach the look of `quality` by measuring.",
    },
    "mode": {
        "type": "string",
        "enum": list(MODES),
        "description": "A look with a name; goes before `quality`. `max`: fewest bytes, more time.",
    },
    "max_bytes": {
        "type": "integer",
        "minimum": 1,
        "description": "The look is lowered until the result has no more bytes.",
    },
    "accept": {
        "type": "string",
        "description": f"What `auto` may choose from: a list of {', '.join(negotiation.FORMATS)}. "
        "Default: what the `Accept` header names, else all.",
    },
}

#: What `headers` writes.
HEADERS: Mapping[str, str] = {
    "X-Pixmill-Result": "encoded; or rescanned (the same pixels in fewer bytes) or original, "
    "because the upload was optimized already.",
    "X-Pixmill-Score": "SSIMULACRA2 against the upload, where it was measured.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a caller asks for, in our own fields, too."""

    options: Options
    negotiated: bool  #: the Accept header had a say in the format


def wish(
    options: Options,
    given: Mapping[str, object],
    request: HTTPConnection,
    *,
    names: Collection[str] = tuple(FIELDS),
) -> Wish:
    """
    Return *options*, changed by those fields among *names* that are *given* in a form or in JSON.

    Raises BadOption.
    """
    ours = {name: value for name, value in given.items() if name in names}
    accept = _accept(ours) or options.accept
    negotiated = options.chooses and not accept
    if negotiated:
        accept = negotiation.accepted(", ".join(request.headers.getlist("accept")))
    changes: dict[str, Any] = {
        "target": _target(ours),
        "mode": _mode(ours),
        "max_bytes": _max_bytes(ours),
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    smart = fields.truth(ours, "smart", default=options.smart)
    return Wish(
        options=replace(options, smart=smart, accept=accept, **changes), negotiated=negotiated
    )


def headers(outcome: Outcome, wish: Wish) -> dict[str, str]:
    """Return what an answer that is the image says of it."""
    said: dict[str, str] = {"X-Pixmill-Result": outcome.how}
    if outcome.score is not None:
        said["X-Pixmill-Score"] = f"{outcome.score:.2f}"
    if wish.negotiated:
        said["Vary"] = "Accept"
    return said


def _target(given: Mapping[str, object]) -> float | None:
    low, high = TARGETS
    wrong = errors.BadOption(f'"target" must be a number from {low} to {high}.')
    try:
        value = fields.number(given, "target")
    except ValueError as error:
        raise wrong from error
    if value is not None and not low <= value <= high:
        raise wrong
    return value


def _mode(given: Mapping[str, object]) -> str | None:
    value = fields.text(given, "mode")
    if value is not None and value.lower() not in MODES:
        raise errors.BadOption(f'"mode" must be one of {", ".join(MODES)}.')
    return value and value.lower()


def _max_bytes(given: Mapping[str, object]) -> int | None:
    wrong = errors.BadOption('"max_bytes" must be a whole number of at least 1.')
    try:
        value = fields.whole(given, "max_bytes")
    except ValueError as error:
        raise wrong from error
    if value is not None and value < 1:
        raise wrong
    return value


def _accept(given: Mapping[str, object]) -> tuple[str, ...]:
    value = given.get("accept")
    names = value if isinstance(value, list) else (fields.text(given, "accept") or "").split(",")
    if names == [""]:
        return ()
    try:
        return negotiation.named(map(str, names))
    except ValueError as error:
        raise errors.BadOption(
            f'"accept" must be a list of {", ".join(negotiation.FORMATS)}.'
        ) from error
