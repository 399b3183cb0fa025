"""The reference of all operations as a page: Swagger UI, from this machine alone."""

from importlib.resources import files

from fastapi import FastAPI
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

#: All that the page needs, and nothing from anywhere else. ``data:`` is Swagger UI's own icons,
#: ``blob:`` the image that an operation tried out on the page answers with.
POLICY = (
    "default-src 'none'; "
    "script-src 'self'; "
    "style-src 'self'; "
    "img-src 'self' data: blob:; "
    "connect-src 'self'; "
    "base-uri 'none'; "
    "form-action 'none'; "
    "frame-ancestors 'none'"
)

PAGE = files("pixmill.http") / "docs.html"


def add(app: FastAPI) -> None:
    """Serve the page at /docs and its parts below it."""
    page = PAGE.read_text("utf-8")

    async def docs() -> HTMLResponse:
        return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})

    app.add_api_route("/docs", docs, methods=["GET", "HEAD"], include_in_schema=False)
    app.mount("/docs/static", StaticFiles(packages=[("pixmill.http", "static")]))
