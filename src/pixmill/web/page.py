"""A page as data, and what its handler gets."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from pixmill.http import origin
from pixmill.http.bodies import Bodies
from pixmill.http.record import Record
from pixmill.services.accounts import Account
from pixmill.services.keys import Caller
from pixmill.services.registry import Services
from pixmill.web import cookies, csrf
from pixmill.web.cookies import Told
from pixmill.web.site import Site
from pixmill.web.templates import Templates

#: Who may see a page: everybody, who is signed in, or whoever runs this server.
Who = Literal["anyone", "member", "operator"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody who is signed in."""

    account: Account
    token: str = field(repr=False)  #: what the cookie holds

    @property
    def operator(self) -> bool:
        """Say whether this is somebody who runs the server."""
        return self.account.operator


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request for one page."""

    request: Request
    services: Services
    site: Site
    bodies: Bodies
    record: Record
    templates: Templates
    visitor: Member | None  #: None: a guest
    secure: bool  #: cookies are for connections only that nobody else can read
    keeps_cookies: bool  #: the browser will keep them; else nobody can sign in
    form: Mapping[str, object] = field(default_factory=dict)  #: of a POST, if it is no upload
    told: Told | None = None  #: what the page before wanted to say

    @property
    def member(self) -> Member:
        """Return who is signed in; only for pages that are not for anyone."""
        assert self.visitor is not None
        return self.visitor

    @property
    def account_id(self) -> str:
        """Return the id of the account that is signed in."""
        return self.member.account.id

    @property
    def address(self) -> str:
        """Return where the request came from."""
        return self.request.client.host if self.request.client else ""

    @property
    def base_url(self) -> str:
        """Return what URLs of this server begin with."""
        return origin.base(self.request, public_url=self.services.public_url)

    @property
    def query(self) -> Mapping[str, str]:
        """Return what the address asks for."""
        return self.request.query_params

    @property
    def path(self) -> Mapping[str, str]:
        """Return the parts of the path that have a name."""
        return self.request.path_params

    @property
    def partial(self) -> bool:
        """Say whether htmx asks, for a part of the page."""
        return "hx-request" in self.request.headers

    @property
    def theme(self) -> cookies.Theme:
        """Return whether the visitor has chosen light or dark."""
        return cookies.theme_of(self.request)

    def at(self, path: str) -> bool:
        """Say whether this page is at *path* or below it."""
        return f"{self.request.url.path}/".startswith(f"{path}/")

    @property
    def csrf(self) -> str:
        """Return what a form has to send back, so that we know that it is ours."""
        return csrf.token(self.services.secret, self.visitor.token) if self.visitor else ""

    async def caller(self) -> Caller:
        """Return in whose name pictures are worked on: the account's own, or a guest's."""
        if self.visitor:
            return await self.services.keys.website(account_id=self.visitor.account.id)
        return await self.services.guests.caller()

    async def spend(self) -> Caller:
        """
        Take one request of the account's minute and day, as the APIs do for the same work.

        Return in whose name it is done. Raises RateLimited.
        """
        caller = await self.caller()
        await self.services.limits.spend(caller=caller)
        return caller

    def render(self, template: str, *, status: int = 200, **facts: object) -> HTMLResponse:
        """Return the page, or the part of one, that *template* makes of *facts*."""
        return HTMLResponse(self.templates.render(template, visit=self, **facts), status)

    def redirect(self, path: str, *, told: str = "", fault: str = "") -> Response:
        """Send the browser to *path*, where it is told something once."""
        response = RedirectResponse(path, 303)
        if told or fault:
            kept = Told(text=told or fault, fault=bool(fault))
            cookies.tell(response, kept, secure=self.secure)
        return response


Handler = Callable[[Visit], Coroutine[Any, Any, Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One path of the website, for one method."""

    path: str
    handler: Handler
    method: Literal["GET", "POST"] = "GET"
    who: Who = "member"
    #: Where a POST that was refused goes back to, to say why; empty: a page of its own says it.
    #: ``{names}`` are those of the path.
    back: str = ""
    #: The handler reads the body itself, because there are files in it; it also checks
    #: `pixmill.web.csrf.check`.
    upload: bool = False

    @property
    def name(self) -> str:
        """Return what the log and the metrics call it."""
        return self.handler.__name__
