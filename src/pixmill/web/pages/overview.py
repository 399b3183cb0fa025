"""The first page of the dashboard: how this month goes, and what to do first."""

from datetime import timedelta

from starlette.responses import Response

from pixmill import clock
from pixmill.services.traffic import TrafficReport
from pixmill.web import words
from pixmill.web.page import Page, Visit
from pixmill.web.pages.usage import SERIES, chart_of, past, read_report

#: Days of the chart.
_DAYS = 30

_BATCHES = 5


async def overview(visit: Visit) -> Response:
    """Show how this month goes, and the first steps to whoever has not taken them."""
    today = clock.now().date()
    first, begin = today.replace(day=1), today - timedelta(days=_DAYS - 1)
    both = await read_report(visit, since=min(first, begin), until=today)
    month, recent = (
        TrafficReport(
            since=since,
            until=today,
            lines=[line for line in both.lines if line.day >= since],
        )
        for since in (first, begin)
    )
    keys = await visit.services.keys.all(account=visit.account_id)
    return visit.render(
        "overview/overview.html",
        month=await visit.services.usage.account(account_id=visit.account_id),
        total=month.total,
        chart=chart_of(recent),
        days=past(recent, today=today),
        series=SERIES,
        batches=await visit.services.batches.all(
            account_id=visit.account_id, start=0, limit=_BATCHES
        ),
        has_key=bool(keys),
        has_traffic=bool(both.lines),
        curl=words.first_call(base_url=visit.base_url, key="YOUR_KEY"),
    )


PAGES = (Page(path="/dashboard", handler=overview),)
