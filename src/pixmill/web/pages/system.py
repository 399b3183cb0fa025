"""How the server does, for whoever runs it."""

from starlette.responses import Response

from pixmill.services.pool.sandbox import LAYERS
from pixmill.web.page import Page, Visit


async def system(visit: Visit) -> Response:
    """Show the state of everything that the server needs."""
    return visit.render(
        "system/system.html",
        report=await visit.services.health.report(),
        purposes=LAYERS,
    )


PAGES = (Page(path="/dashboard/system", handler=system, who="operator"),)
