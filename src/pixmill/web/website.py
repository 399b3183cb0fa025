"""All pages, as routes."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

import pixmill
from pixmill import errors
from pixmill.http.bodies import Bodies
from pixmill.http.dialect import Dialect
from pixmill.services.registry import Services
from pixmill.settings import Settings
from pixmill.web import assets, faults
from pixmill.web.endpoint import Endpoint
from pixmill.web.page import Page
from pixmill.web.pages import all_pages
from pixmill.web.site import Site
from pixmill.web.templates import Templates


def add(
    app: FastAPI,
    settings: Settings,
    *,
    services: Services,
    bodies: Bodies,
    dialects: tuple[Dialect, ...],
) -> "Website":
    """Serve all pages, those about *dialects* among them, and what they load."""
    site = Site(settings=settings, version=pixmill.__version__, dialects=dialects)
    templates = Templates(site)

    def endpoint(page: Page) -> Endpoint:
        return Endpoint(page, services=services, bodies=bodies, site=site, templates=templates)

    for page in all_pages():
        methods = ["GET", "HEAD"] if page.method == "GET" else ["POST"]
        app.add_api_route(
            page.path,
            endpoint(page).answer,
            methods=methods,
            name=f"website:{page.name}",
            include_in_schema=False,
            response_class=Response,
        )
    app.add_api_route(
        f"{assets.PREFIX}/{{fingerprint}}/{{name}}",
        _asset,
        methods=["GET", "HEAD"],
        name="website:asset",
        include_in_schema=False,
        response_class=Response,
    )
    app.add_api_route("/favicon.ico", _favicon, methods=["GET", "HEAD"], include_in_schema=False)
    return Website(endpoint(Page(path="/", handler=_nowhere, who="anyone")), templates)


class Website:
    """What the rest of the server needs of it."""

    def __init__(self, endpoint: Endpoint, templates: Templates) -> None:
        self._endpoint = endpoint
        self._templates = templates

    def load(self) -> None:
        """Read what pages are made of; it takes a while, and needs no event loop."""
        self._templates.load()
        assets.all_assets()

    async def missing(self, request: Request, error: errors.Error) -> Response | None:
        """Return a page that says that there is none; None for whoever does not read HTML."""
        if "text/html" not in request.headers.get("accept", ""):
            return None
        visit = self._endpoint.visit(request, operation="missing")
        try:
            visit = await self._endpoint.recognize(visit)
        except errors.Error as failure:  # the database is away: still no page
            visit.record.detail = failure.detail
        return self._endpoint.finish(visit, faults.answer(visit, error))


async def _nowhere(_visit: object) -> Response:
    raise errors.NotFound


async def _asset(request: Request) -> Response:
    try:
        return await assets.serve(request)
    except errors.NotFound as error:
        return Response(str(error), faults.status_of(error), media_type="text/plain")


async def _favicon() -> Response:
    return RedirectResponse(assets.path_of("favicon.svg"), 308)
