"""What an account has used: by day, key and API, as a page and as CSV; and its credits."""

import asyncio
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import urlencode

from starlette.responses import Response

from pixmill import clock, errors
from pixmill.services.traffic import DAYS, Line, Numbers, TrafficReport
from pixmill.web import formats, forms
from pixmill.web.charts import Chart, Column, stacked
from pixmill.web.page import Page, Visit

_PATH = "/dashboard/usage"

#: What the bars of a day are called, from below.
SERIES = ("made new", "from the cache", "errors")

_RANGES = {"month": "This month", "30": "Last 30 days", "90": "Last 90 days"}

#: Entries of the credits' history on one page.
_ENTRIES = 50

#: Seconds that a reader waits for what was counted in the last one to be written.
_PATIENCE = 2

#: What a spreadsheet would take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

_COLUMNS = (
    "day",
    "key",
    "key_id",
    "api",
    "results",
    "cached",
    "errors",
    "bytes_in",
    "bytes_out",
    "bytes_saved",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be shown."""

    range: str  #: one of `_RANGES`, or a month as YYYY-MM
    since: date
    until: date  #: included
    key_id: str
    api: str

    @property
    def query(self) -> str:
        """Return it as the query of an address."""
        return urlencode({"range": self.range, "key": self.key_id, "api": self.api})


async def usage(visit: Visit) -> Response:
    """Show what was used."""
    today = clock.now().date()
    asked = _asked(visit, today=today)
    whole = await _report(visit, asked)
    shown = _filtered(whole, asked)
    keys = {key_id: name for key_id, name in whole.per_key if key_id}
    if asked.key_id and asked.key_id not in keys:  # it was not used in those days
        made = await visit.services.keys.all(account=visit.account_id)
        keys |= {key.id: key.label for key in made if key.id == asked.key_id}
    return visit.render(
        "usage/usage.html",
        asked=asked,
        month=await visit.services.usage.account(account_id=visit.account_id),
        report=shown,
        days=past(shown, today=today),
        chart=chart_of(shown),
        series=SERIES,
        ranges=_ranges(today),
        named_keys=[(name, numbers) for (_, name), numbers in shown.per_key.items()],
        named_apis=[(visit.site.api(name), numbers) for name, numbers in shown.per_api.items()],
        keys=[("", "All keys"), *keys.items()],
        apis=[("", "All APIs"), *((name, visit.site.api(name)) for name in whole.per_api)],
        filtered=bool(asked.key_id or asked.api),
    )


async def usage_csv(visit: Visit) -> Response:
    """Send what was used as a file, a line for each day, key and API."""
    asked = _asked(visit, today=clock.now().date())
    report = _filtered(await _report(visit, asked), asked)
    name = f"pixmill-usage-{asked.since}-{asked.until}.csv"
    return Response(
        _csv(report.lines),
        media_type="text/csv; charset=utf-8; header=present",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def credits_page(visit: Visit) -> Response:
    """Show the credits, and what changed them."""
    before = forms.before(visit)
    entries = await visit.services.credits.history(
        account=visit.account_id, before=before, limit=_ENTRIES
    )
    keys = await visit.services.keys.all(account=visit.account_id)
    return visit.render(
        "usage/credits.html",
        standing=await visit.services.credits.balance(account=visit.account_id),
        entries=entries,
        keys={key.id: key.label for key in keys},
        before=before,
        older=entries[-1].number if entries and entries[-1].number > 1 else None,
    )


def chart_of(report: TrafficReport) -> Chart:
    """Return the drawing of each day of *report*."""
    columns = [
        Column(
            f"{day:%b} {day.day}",
            (numbers.requests - numbers.cached, numbers.cached, numbers.errors),
        )
        for day, numbers in report.per_day.items()
    ]
    return stacked(columns, names=SERIES, write=formats.count)


def past(report: TrafficReport, *, today: date) -> Mapping[date, Numbers]:
    """Return the days up to *today*, the last one first."""
    days = reversed(list(report.per_day.items()))
    return {day: numbers for day, numbers in days if day <= today}


async def read_report(visit: Visit, *, since: date, until: date) -> TrafficReport:
    """Return what the account's keys did, up to this moment if that can be written soon."""
    # To read is possible while nothing can be written: a busy database, a full disk.
    with suppress(TimeoutError, errors.Busy):
        async with asyncio.timeout(_PATIENCE):
            await visit.services.traffic.flush()
    return await visit.services.traffic.days(account_id=visit.account_id, since=since, until=until)


async def _report(visit: Visit, asked: Asked) -> TrafficReport:
    return await read_report(visit, since=asked.since, until=asked.until)


def _filtered(report: TrafficReport, asked: Asked) -> TrafficReport:
    """Return what is asked for of *report*, which has every key and API there is to choose from."""
    lines = [
        line
        for line in report.lines
        if asked.key_id in {"", line.key_id} and asked.api in {"", line.api}
    ]
    return replace(report, lines=lines)


def _asked(visit: Visit, *, today: date) -> Asked:
    """Return what the address asks for; this month for what cannot be."""
    wanted = forms.asked(visit, "range")
    if wanted in {"30", "90"}:
        since, until = today - timedelta(days=int(wanted) - 1), today
    else:
        months = _months(today)
        wanted = wanted if wanted in months else "month"
        since, until = _bounds(months.get(wanted, today))
    key_id, api = (forms.asked(visit, name) for name in ("key", "api"))
    return Asked(range=wanted, since=since, until=until, key_id=key_id, api=api)


def _months(today: date) -> dict[str, date]:
    """Return the months before this one of which something is kept, with their first days."""
    found: dict[str, date] = {}
    last = today.replace(day=1) - timedelta(days=1)
    while (today - last).days < DAYS:
        first = last.replace(day=1)
        found[f"{first:%Y-%m}"] = first
        last = first - timedelta(days=1)
    return found


def _bounds(day: date) -> tuple[date, date]:
    """Return the first and the last day of the month of *day*."""
    first = day.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _ranges(today: date) -> list[tuple[str, str]]:
    months = [(name, f"{first:%B %Y}") for name, first in _months(today).items()]
    return [*_RANGES.items(), *months]


def _csv(lines: Sequence[Line]) -> str:
    """Return *lines* as RFC 4180 has them."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    writer.writerows(_row(line) for line in lines)
    return text.getvalue()


def _row(line: Line) -> Iterator[object]:
    numbers = line.numbers
    yield line.day.isoformat()
    yield _plain(line.key_name)
    yield line.key_id
    yield line.api
    yield numbers.requests
    yield numbers.cached
    yield numbers.errors
    yield numbers.bytes_in
    yield numbers.bytes_out
    yield numbers.bytes_saved


def _plain(text: str) -> str:
    """Return *text* so that no spreadsheet runs it: somebody chose that name."""
    return f"'{text}" if text.lstrip().startswith(_FORMULA) or text.startswith(_FORMULA) else text


PAGES = (
    Page(path=_PATH, handler=usage),
    Page(path=f"{_PATH}.csv", handler=usage_csv),
    Page(path=f"{_PATH}/credits", handler=credits_page),
)
