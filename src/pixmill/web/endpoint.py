"""What is done round each page's handler: who is it, may they, was it our form, what went wrong."""

from dataclasses import replace
from typing import Final
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pixmill import errors
from pixmill.http.bodies import Bodies, Kind
from pixmill.http.record import record_of
from pixmill.services.registry import Services
from pixmill.web import cookies, csrf, faults
from pixmill.web.page import Member, Page, Visit
from pixmill.web.site import Site
from pixmill.web.templates import Templates

#: All that a page may do: load what this server sends, and send forms to it.
POLICY: Final = (
    "default-src 'none'; "
    "script-src 'self'; "
    "style-src 'self'; "
    "img-src 'self' data: blob:; "
    "connect-src 'self'; "
    "form-action 'self'; "
    "base-uri 'none'; "
    "frame-ancestors 'none'"
)

HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # A form tells where it comes from (`csrf.py`), and no other site hears which page it was.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_FORM: Final[tuple[Kind, ...]] = ("urlencoded",)
#: Bytes of a form without files.
_FORM_SIZE = 64 * 1024


class Endpoint:
    """What the router calls for one page."""

    def __init__(
        self, page: Page, *, services: Services, bodies: Bodies, site: Site, templates: Templates
    ) -> None:
        self._page = page
        self._services = services
        self._bodies = bodies
        self._site = site
        self._templates = templates

    async def answer(self, request: Request) -> Response:
        """Answer one request, whatever happens."""
        visit = self.visit(request, operation=self._page.name)
        try:
            visit = await self.recognize(visit)
            visit = await self._admit(visit)
            response = await self._page.handler(visit)
        except _SignInFirst:
            response = self._sign_in_first(visit)
        except errors.Error as error:
            response = self._refused(visit, error)
        except Exception as crash:  # noqa: BLE001 - it is logged with the words for it
            failure = errors.Internal(detail="a page crashed")
            failure.__cause__ = crash
            response = self._refused(visit, failure)
        return self.finish(visit, response)

    def visit(self, request: Request, *, operation: str) -> Visit:
        """Return *request* as the visit of a guest."""
        record = record_of(request)
        record.dialect = "website"
        record.operation = operation
        safe = cookies.is_secure(request, public_url=self._services.public_url)
        secure = safe or not self._site.settings.cookies_over_http
        return Visit(
            request=request,
            services=self._services,
            site=self._site,
            bodies=self._bodies,
            record=record,
            templates=self._templates,
            visitor=None,
            secure=secure,
            keeps_cookies=safe or not secure,
            told=cookies.told_of(request, secure=secure),
        )

    def finish(self, visit: Visit, response: Response) -> Response:
        """Add what every answer of the website has."""
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        said = response.status_code == 200 and response.media_type == "text/html"
        if _is_refused_form(visit, response):
            # Whoever looks into the console of a browser looks for faults of ours, and every
            # answer with another status is one there. The page says what was refused.
            visit.record.refused_status = response.status_code
            response.headers["X-Pixmill-Status"] = str(response.status_code)
            response.status_code = 200
        if visit.told and said and not visit.partial:
            cookies.forget_told(response, secure=visit.secure)
        return response

    async def recognize(self, visit: Visit) -> Visit:
        """Return the visit of whoever is signed in."""
        token = cookies.token_of(visit.request, secure=visit.secure)
        account = await self._services.sign_ins.who(token=token) if token else None
        return replace(visit, visitor=Member(account=account, token=token) if account else None)

    async def _admit(self, visit: Visit) -> Visit:
        """Return the visit with its form, if they may see the page, and the form is ours."""
        request, page = visit.request, self._page
        if page.method == "POST":
            csrf.check_origin(request, public_url=self._services.public_url)
        if page.who != "anyone" and visit.visitor is None:
            raise _SignInFirst
        if page.who == "operator" and not visit.member.operator:
            raise errors.NotFound  # nobody needs to know that there is something
        if page.method == "GET" or page.upload:
            return visit
        async with self._bodies.form(
            request, max_file_size=0, kinds=_FORM, max_text_size=_FORM_SIZE
        ) as form:
            visit = replace(visit, form=dict(form.fields))
        if visit.visitor:
            csrf.check(request, visit.form, expected=visit.csrf)
        return visit

    def _sign_in_first(self, visit: Visit) -> Response:
        """Send the browser to sign in, and afterwards back to where it wanted to be."""
        if faults.wants_json(visit.request):
            return faults.answer(visit, errors.BadCredentials("Your sign-in is over: sign in."))
        wanted = self._wanted(visit)
        target = f"/sign-in?next={quote(wanted, safe='/')}" if wanted else "/sign-in"
        if visit.partial:  # the part would show the whole page that signs in
            return Response(status_code=204, headers={"HX-Redirect": target})
        if cookies.token_of(visit.request, secure=visit.secure):
            response = visit.redirect(target, fault="Your sign-in is over. Sign in again.")
            cookies.sign_out(response, secure=visit.secure)
            return response
        return RedirectResponse(target, 303)

    def _wanted(self, visit: Visit) -> str:
        """Return the page that the browser shows, or asked for."""
        if self._page.method == "POST":
            return self._back(visit)
        shown = visit.request.headers.get("hx-current-url", "")
        url = urlsplit(shown) if visit.partial and shown.isprintable() else visit.request.url
        return f"{url.path}?{url.query}" if url.query else url.path

    def _back(self, visit: Visit) -> str:
        return self._page.back.format(**visit.path)

    def _refused(self, visit: Visit, error: errors.Error) -> Response:
        """Go back to the form that was refused and say why there; or say it on a page."""
        unexpected = isinstance(error, (errors.Internal, errors.ForeignForm))
        if not self._page.back or unexpected or visit.partial or faults.wants_json(visit.request):
            return faults.answer(visit, error)
        faults.write_down(visit, error)
        return visit.redirect(self._back(visit), fault=str(error))


def _is_refused_form(visit: Visit, response: Response) -> bool:
    """Say whether a browser sent a form, or a script did, from a page of ours, in vain."""
    ours = visit.request.headers.get("sec-fetch-site") == "same-origin"
    expected = 400 <= response.status_code < 500 or response.status_code == 503
    return ours and visit.request.method == "POST" and expected


class _SignInFirst(Exception):
    """Nobody is signed in, and somebody has to be."""
