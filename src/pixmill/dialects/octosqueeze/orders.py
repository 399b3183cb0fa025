"""From the body of an OctoSqueeze batch to what is to be done with each of its images."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from pixmill import errors
from pixmill.dialects.octosqueeze import items, options
from pixmill.dialects.octosqueeze.options import LABELS, Label
from pixmill.http import fields
from pixmill.services.fetching import urls
from pixmill.services.jobs.types import Item

#: Images of one call (OS-41, OS-49).
MOST_ITEMS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One image of a call: what is to be done with it, or why nothing can be."""

    item: Item | errors.Error
    echo: Mapping[str, Label | None]  #: what the caller knows it by


def lines(body: Mapping[str, object], request: HTTPConnection) -> list[Line]:
    """
    Return what *body* asks for, image by image (OS-42).

    Raises BadInput when there is nothing that could be done: one image that makes no sense is told
    of beside the others (OS-51), but somebody has to notice when none of them does.
    """
    # Clients that have nothing to say but URLs may call them so.
    given = body.get("items") or body.get("images") or body.get("urls")
    if not given or not isinstance(given, list):
        raise errors.BadInput("The items field is required: a list of images.")
    if len(given) > MOST_ITEMS:
        raise errors.TooManyFiles(f"A batch has a maximum of {MOST_ITEMS} items.")
    general = _options(body)
    found = [_line(each, general, request) for each in given]
    problems = [line.item for line in found if isinstance(line.item, errors.Error)]
    if len(problems) == len(found):
        raise problems[0]
    return found


def _line(given: object, general: Mapping[str, object], request: HTTPConnection) -> Line:
    own = given if isinstance(given, dict) else {"url": given}
    echo = options.echo(own, ("url", *LABELS))
    try:
        return Line(item=_item(own, general, request), echo=echo)
    except errors.BadInput as error:
        return Line(item=error, echo=echo)


def _item(
    own: Mapping[str, object], general: Mapping[str, object], request: HTTPConnection
) -> Item:
    url = fields.text(own, "url")
    if url is None:
        raise errors.BadInput("The url field is required.")
    urls.parse(url)
    said = options.combined(general, _options(own))
    asked = options.asked(said | {name: own.get(name) for name in LABELS}, request)
    return Item(
        wanted=asked.wanted, url=url, filename=_filename(asked.labels), label=items.label(asked)
    )


def _options(given: Mapping[str, object]) -> Mapping[str, object]:
    """Return the field ``options``. PHP writes an empty one as a list."""
    value = given.get("options") or {}
    if not isinstance(value, dict):
        raise errors.BadOption('"options" must be an object.')
    return value


def _filename(labels: Mapping[str, Label]) -> str | None:
    name = labels.get("name")
    # PostgreSQL takes every other character in a text.
    return name.replace("\0", "") or None if isinstance(name, str) else None
