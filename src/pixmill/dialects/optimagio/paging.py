"""Which of a batch's items a request is about."""

from dataclasses import dataclass
from typing import get_args

from starlette.datastructures import QueryParams

from pixmill import errors
from pixmill.http import fields
from pixmill.services.jobs.types import State

#: Items of a page, and at most.
PAGE, MOST_ITEMS = 100, 1000

#: More than any batch has.
_LAST = 10**9

STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A number of items from one of them on."""

    start: int
    limit: int
    state: State | None  #: only these


def page(query: QueryParams) -> Page:
    """Return what ``limit``, ``cursor`` or ``offset``, and ``status`` say. Raises BadOption."""
    return Page(
        start=_number(query, "cursor", 0, _LAST) or _number(query, "offset", 0, _LAST) or 0,
        limit=_number(query, "limit", 1, MOST_ITEMS) or PAGE,
        state=_state(query),
    )


def _number(query: QueryParams, name: str, least: int, most: int) -> int | None:
    wrong = errors.BadOption(f'"{name}" must be a whole number from {least} to {most}.')
    try:
        value = fields.whole(query, name)
    except ValueError as error:
        raise wrong from error
    if value is not None and not least <= value <= most:
        raise wrong
    return value


def _state(query: QueryParams) -> State | None:
    value = fields.text(query, "status")
    for state in STATES:
        if value == state:
            return state
    if value is None:
        return None
    raise errors.BadOption(f'"status" must be one of {", ".join(STATES)}.')
