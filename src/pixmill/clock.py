"""The time, in one place, so that a test can choose it."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def period(moment: datetime) -> str:
    """Return the billing month of *moment* as ``YYYY-MM``; months are months of UTC (OP-86)."""
    return f"{moment.astimezone(UTC):%Y-%m}"


def next_period(moment: datetime) -> datetime:
    """Return the first instant of the month after *moment*, in UTC."""
    utc = moment.astimezone(UTC)
    year, month = divmod(utc.year * 12 + utc.month, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)
