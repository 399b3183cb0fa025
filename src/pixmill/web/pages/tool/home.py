"""The first page that most people see."""

from datetime import timedelta
from math import ceil

from starlette.responses import Response

from pixmill import errors
from pixmill.services import guests
from pixmill.web import examples
from pixmill.web.page import Visit
from pixmill.web.pages.tool import options


async def home(visit: Visit) -> Response:
    """Show where to drop pictures; a guest who may not is sent to sign in."""
    if visit.visitor is None and not visit.site.public_page:
        return visit.redirect("/sign-in")
    try:
        caller = await visit.caller()
    except errors.BadKey:
        if visit.visitor:
            raise
        return visit.redirect("/sign-in")  # the account that guests share is disabled
    left = None if visit.visitor else await visit.services.guests.left(address=visit.address)
    return visit.render(
        "tool/home.html",
        max_size=caller.plan.max_file_size,
        limit=visit.services.guests.images,
        left=left,
        lifetime=_span(_lifetime(visit)),
        key=await examples.key_shown(visit),
        formats=options.FORMATS,
        looks=options.LOOKS,
        quality=options.QUALITY,
        targets=options.TARGETS,
    )


def _lifetime(visit: Visit) -> timedelta:
    """Return for how long the visitor's results are kept."""
    ttl = timedelta(seconds=visit.site.settings.result_ttl)
    return ttl if visit.visitor else min(ttl, guests.LIFETIME)


def _span(length: timedelta) -> str:
    """Return *length* in the largest unit of which there are two, rounded up."""
    seconds = length.total_seconds()
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{ceil(seconds / size)} {unit}"
    return f"{ceil(seconds)} seconds"
