"""OctoSqueeze's batches: many images by their URLs in one call, and word when all are done."""

import hmac
import json
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.requests import HTTPConnection
from starlette.responses import Response

from pixmill import errors
from pixmill.dialects.octosqueeze import answers, items, orders, words
from pixmill.dialects.octosqueeze.orders import MOST_ITEMS, Line
from pixmill.http import fields
from pixmill.http.bodies import Kind
from pixmill.http.dialect import Call
from pixmill.services.jobs.types import Accepted, InBatch, Item, Job, Order, Report
from pixmill.services.registry import Services
from pixmill.services.usage import MonthUsage
from pixmill.services.webhooks.types import Delivery, Message

log = logging.getLogger(__name__)

KINDS: tuple[Kind, ...] = ("json",)

#: Bytes of a body: so many of the longest URLs, and what is asked for each.
BODY_SIZE = 2 * 1024 * 1024

#: Seconds after which a call is answered in any case: clients wait for 125 (OS-29, OS-53).
PATIENCE = 120

#: A preference of RFC 7240, section 4.3.
_WAIT = re.compile(r'\s*wait\s*=\s*"?([0-9]{1,3})"?\s*(;.*)?', re.ASCII | re.IGNORECASE)


async def compress_batch(call: Call) -> Response:
    """Compress images from URLs, and tell of each what has become of it by the time it says so."""
    body = await _body(call)
    lines = orders.lines(body, call.request)
    accepted = await call.services.jobs.submit(
        caller=call.caller, order=_order(call, body, lines), receipt=_check
    )
    # They are accepted: whoever hangs up now finds them done later.
    asked = _wait(call.request)
    reports, month = await _outcome(call, accepted, PATIENCE if asked is None else asked)
    told = _told(call, lines, accepted, reports)
    going_on = any(each["status"] in {"queued", "processing"} for each in told)
    answer = words.envelope(
        {
            "status": "processing" if going_on else "completed",
            "items": told,
            "usage": month and answers.batch_usage(month),
        }
    )
    if asked is not None:
        answer.headers["Preference-Applied"] = f"wait={asked}"
    return answer


async def tell(services: Services, delivery: Delivery, secret: str) -> Message:
    """Return the message that a batch is done (OS-76)."""
    progress = await services.batches.find(name=delivery.subject, account_id=delivery.account_id)
    reports = await services.batches.items(batch=progress.batch, start=0, limit=MOST_ITEMS)
    links = answers.Links(base_url=delivery.base_url, sign=services.results.link)
    images = [items.image(links, report) for report in reports]
    body = urlencode({"images": json.dumps(images)}).encode()
    return Message(
        body=body,
        content_type="application/x-www-form-urlencoded",
        headers={"X-OctoSqueeze-Signature": hmac.digest(secret.encode(), body, "sha256").hex()},
    )


async def _body(call: Call) -> Mapping[str, object]:
    try:
        async with call.bodies.form(
            call.request, max_file_size=0, kinds=KINDS, max_text_size=BODY_SIZE
        ) as form:
            return form.fields
    except errors.WrongContentType as error:
        raise errors.BadInput("Send application/json with a list of items.") from error


def _order(call: Call, body: Mapping[str, object], lines: Sequence[Line]) -> Order:
    webhook_url = fields.text(body, "webhook_url")
    if webhook_url:
        call.services.webhooks.check(webhook_url)
    wanted = [line.item for line in lines if isinstance(line.item, Item)]
    return Order(
        dialect="octosqueeze",
        base_url=call.base_url,
        items=wanted,
        batch=InBatch(rejected=len(lines) - len(wanted), close=True),
        webhook_url=webhook_url,
    )


async def _check(_connection: object, accepted: Accepted) -> None:
    """Refuse, as a single call is refused, what none of can be accepted."""
    if not accepted.jobs:
        raise next(item for item in accepted.items if isinstance(item, errors.Error))


async def _outcome(
    call: Call, accepted: Accepted, patience: float
) -> tuple[Sequence[Report], MonthUsage | None]:
    """Return what has become of what was accepted, and how the month stands."""
    services, caller = call.services, call.caller
    try:
        reports = await services.jobs.wait(
            chunk_id=accepted.chunk_id or "", patience=patience, closing=services.closing
        )
        return reports, await services.usage.month(caller=caller, per=caller.plan.quota_per)
    except errors.Busy as error:
        # A 503 would have clients send everything once more, and pay for it twice.
        log.warning("nobody can say what became of a batch: %s", error)
        return [_unknown(job) for job in accepted.jobs], None


def _unknown(job: Job) -> Report:
    return Report(job=job, label=json.loads(job.label), results=(), failure=None)


def _wait(request: HTTPConnection) -> int | None:
    """Return for how many seconds the caller prefers to wait; None: as long as others do."""
    for preference in ",".join(request.headers.getlist("prefer")).split(","):
        if match := _WAIT.fullmatch(preference):
            seconds = int(match[1])
            return seconds if seconds <= PATIENCE else None
    return None


def _told(
    call: Call, lines: Sequence[Line], accepted: Accepted, reports: Sequence[Report]
) -> list[dict[str, Any]]:
    """Return what is told of each image, in their order (OS-51, OS-52)."""
    links = answers.links(call)
    by_job = {report.job.id: report for report in reports}
    became = iter(accepted.items)
    told = []
    for line in lines:
        found = line.item if isinstance(line.item, errors.Error) else next(became)
        told.append(
            items.refused(line.echo, found)
            if isinstance(found, errors.Error)
            else items.item(links, by_job[found.id])
        )
    return told
