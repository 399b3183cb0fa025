"""Webhooks: where messages go, with what they are signed, and what became of each."""

import json
from contextlib import suppress
from typing import cast, get_args
from urllib.parse import urlencode

from starlette.responses import Response

from pixmill import errors
from pixmill.services.webhooks.types import Attempt, Delivery, State
from pixmill.web import forms
from pixmill.web.page import Page, Visit

_WEBHOOKS = "/dashboard/webhooks"
_DELIVERY = f"{_WEBHOOKS}/{{id}}"

#: Deliveries of one page.
PAGE = 50

#: Bytes of a payload that are shown.
SHOWN_SIZE = 64 * 1024

_STATES: dict[State, tuple[str, str]] = {
    "pending": ("On its way", "busy"),
    "delivered": ("Delivered", "good"),
    "failed": ("Given up", "bad"),
    "disabled": ("Not sent", ""),
}

#: Why an attempt that got no answer failed, in words.
_TROUBLES = {
    "resting": "not tried: this server does not answer at the moment",
    "gone": "what it is about is deleted",
    "redirect": "it answered with a redirect, and these are not followed",
    "refused_address": "the address may not be reached",
}


async def webhooks(visit: Visit) -> Response:
    """Show where the account's messages go, and what became of them."""
    page = forms.page_number(visit)
    asked = {name: said for name in ("state", "url") if (said := forms.asked(visit, name))}
    if asked.get("state", "pending") not in get_args(State):
        raise errors.NotFound
    log = visit.services.deliveries
    found = await log.page(
        account_id=visit.account_id,
        start=(page - 1) * PAGE,
        limit=PAGE + 1,
        state=cast("State | None", asked.get("state")),
        url=asked.get("url"),
    )
    return visit.render(
        "webhooks/list_part.html" if visit.partial else "webhooks/list.html",
        shown=[(delivery, _answer(last)) for delivery, last in found[:PAGE]],
        receivers=await log.receivers(account_id=visit.account_id),
        disabled=await log.disabled(account=visit.account_id),
        secret=visit.services.webhooks.secret_of(visit.account_id),
        states=_STATES,
        asked=asked,
        only={state: _listed({**asked, "state": state}) for state in _STATES},
        every=_listed({name: value for name, value in asked.items() if name != "state"}),
        everywhere=_listed({name: value for name, value in asked.items() if name != "url"}),
        listed=_listed(asked),
        here=_listed({**asked, "page": str(page)}),
        soon=any(delivery.state == "pending" for delivery, _ in found[:PAGE]),
        page=page,
        more=len(found) > PAGE,
    )


async def delivery(visit: Visit) -> Response:
    """Show one message, and what came of each attempt to bring it there."""
    found, attempts = await visit.services.deliveries.find(
        id_=forms.id_of(visit), account_id=visit.account_id
    )
    path = _DELIVERY.format(id=found.id)
    return visit.render(
        "webhooks/delivery_part.html" if visit.partial else "webhooks/delivery.html",
        delivery=found,
        attempts=[(attempt, _answer(attempt)) for attempt in attempts],
        state=_STATES[found.state],
        payload=_payload(found),
        soon=found.state == "pending",
        path=path,
    )


async def replay(visit: Visit) -> Response:
    """Send a message once more."""
    found = await visit.services.deliveries.replay(
        id_=forms.id_of(visit), account_id=visit.account_id
    )
    told = "It is sent again within seconds, with the same id and the same contents."
    return visit.redirect(_DELIVERY.format(id=found.id), told=told)


async def enable(visit: Visit) -> Response:
    """Send messages again to a URL that wanted no more."""
    await visit.services.deliveries.enable(url=forms.text(visit, "url"), account=visit.account_id)
    return visit.redirect(_WEBHOOKS, told="Messages are sent there again, from the next one on.")


def _listed(asked: dict[str, str]) -> str:
    return f"{_WEBHOOKS}?{urlencode(asked)}" if asked else _WEBHOOKS


def _answer(attempt: Attempt | None) -> str:
    """Return what came of an attempt, in words."""
    if attempt is None:
        return "–"
    if attempt.status is not None:
        return f"Status {attempt.status}"
    error = attempt.error or ""
    return _TROUBLES.get(error, error.replace("_", " ")).capitalize()


def _payload(found: Delivery) -> str | None:
    """Return what is sent, as it reads best; None: it is made when it is sent first."""
    if found.body is None:
        return None
    text = found.body.decode("utf-8", "replace")
    with suppress(ValueError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return text if len(text) <= SHOWN_SIZE else f"{text[:SHOWN_SIZE]}\n…"


PAGES = (
    Page(path=_WEBHOOKS, handler=webhooks),
    Page(path=f"{_WEBHOOKS}/enable", handler=enable, method="POST", back=_WEBHOOKS),
    Page(path=_DELIVERY, handler=delivery),
    Page(path=f"{_DELIVERY}/replay", handler=replay, method="POST", back=_DELIVERY),
)
