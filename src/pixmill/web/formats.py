"""Numbers, sizes and moments as people read them."""

import re
from datetime import UTC, datetime, timedelta

from markupsafe import Markup

from pixmill import clock

_UNITS = ("kB", "MB", "GB", "TB", "PB")


def size(count: float) -> str:
    """Return bytes with the unit that fits: 1,000 bytes are a kB."""
    if abs(count) < 1000:
        return f"{count:,.0f} B"
    for unit in _UNITS:
        count /= 1000
        if abs(count) < 999.5 or unit == _UNITS[-1]:
            break
    return f"{count:,.0f} {unit}" if abs(count) >= 99.95 else f"{count:,.1f} {unit}"


def count(number: float) -> str:
    """Return a whole number, with commas between thousands."""
    return f"{number:,.0f}"


def percent(part: float, whole: float) -> str:
    """Return *part* of *whole* in percent; a dash when there is nothing to take it of."""
    return f"{100 * part / whole:.0f} %" if whole else "–"


def saving(before: float, after: float) -> str:
    """Return by how many percent *after* is less than *before*."""
    return percent(before - after, before)


def moment(at: datetime) -> str:
    """Return date and time to the minute, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def day(at: datetime) -> str:
    """Return the date in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d}"


def ago(at: datetime, *, now: clock.Clock = clock.now) -> str:
    """Return how long *at* is past, or how far ahead, in one unit."""
    passed = now() - at
    told = _span(abs(passed))
    if not told:
        return "just now"
    return f"{told} ago" if passed > timedelta(0) else f"in {told}"


def _span(passed: timedelta) -> str:
    seconds = passed.total_seconds()
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        number = int(seconds // length)
        if number:
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return ""


def dollars(micro: int) -> str:
    """Return micro-dollars as dollars, with as many digits as the cents need."""
    value = micro / 1_000_000
    return f"${value:,.2f}" if micro % 10_000 == 0 else f"${value:,.4f}"


def ticks(text: str) -> Markup:
    """Return *text* with what stands between backticks as code, and the rest escaped."""
    parts = re.split(r"`([^`]+)`", text)
    coded = Markup("<code>{}</code>")
    return Markup("").join(coded.format(each) if i % 2 else each for i, each in enumerate(parts))
