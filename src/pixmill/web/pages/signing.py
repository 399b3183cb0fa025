"""Making an account, signing in and out, and a new password for who forgot the old one."""

from starlette.responses import Response

from pixmill import clock, errors
from pixmill.services.sign_ins.types import SignedIn
from pixmill.web import cookies, faults, forms
from pixmill.web.page import Page, Visit

_HOME = "/dashboard"


async def sign_in_page(visit: Visit) -> Response:
    """Show the form to sign in."""
    if visit.visitor:
        return visit.redirect(_next(visit))
    return await _sign_in_form(visit)


async def sign_in(visit: Visit) -> Response:
    """Sign in."""
    _check_cookies(visit)
    email = forms.text(visit, "email")
    try:
        signed_in = await visit.services.sign_ins.sign_in(
            email=email, password=forms.secret(visit, "password"), address=visit.address
        )
    except errors.Refused as error:
        return await _sign_in_form(visit, email=email, error=error)
    return await _enter(visit, signed_in, to=_next(visit))


async def sign_out(visit: Visit) -> Response:
    """Sign out."""
    await visit.services.sign_ins.sign_out(token=visit.member.token)
    response = visit.redirect("/sign-in", told="You are signed out.")
    cookies.sign_out(response, secure=visit.secure)
    return response


async def sign_up_page(visit: Visit) -> Response:
    """Show the form to make an account, or why there is none."""
    token = forms.asked(visit, "invitation")
    invited = ""
    if token:
        found = await visit.services.sign_ins.ticket(token=token, purpose="invitation")
        invited = found.email
    return await _sign_up_form(visit, email=invited, invitation=token)


async def sign_up(visit: Visit) -> Response:
    """Make an account and sign in."""
    _check_cookies(visit)
    email, invitation = forms.text(visit, "email"), forms.text(visit, "invitation")
    try:
        signed_in = await visit.services.sign_ins.sign_up(
            email=email,
            password=forms.secret(visit, "password"),
            address=visit.address,
            invitation=invitation or None,
        )
    except (errors.BadInput, errors.Refused, errors.Conflict) as error:
        return await _sign_up_form(visit, email=email, invitation=invitation, error=error)
    first = signed_in.account.operator
    told = "Welcome. You run this server." if first else "Welcome."
    return await _enter(visit, signed_in, to=_HOME, told=told)


async def forgotten_page(visit: Visit) -> Response:
    """Show the form to ask for a new password."""
    return visit.render("signing/forgotten.html", mailed=visit.services.mail.works)


async def forgotten(visit: Visit) -> Response:
    """Send a link for a new password, if there is such an account."""
    await visit.services.sign_ins.ask_reset(email=forms.text(visit, "email"), address=visit.address)
    return visit.redirect(
        "/sign-in",
        told="If there is an account with that address, a link is on its way to it. It works for "
        "an hour.",
    )


async def reset_page(visit: Visit) -> Response:
    """Show the form for a new password, to whoever has a link."""
    ticket = forms.asked(visit, "ticket")
    found = await visit.services.sign_ins.ticket(token=ticket, purpose="reset")
    return visit.render("signing/reset.html", ticket=ticket, email=found.email, error=None)


async def reset(visit: Visit) -> Response:
    """Set a new password and sign in."""
    _check_cookies(visit)
    ticket = forms.text(visit, "ticket")
    try:
        signed_in = await visit.services.sign_ins.reset(
            ticket=ticket, password=forms.secret(visit, "password")
        )
    except errors.BadOption as error:
        found = await visit.services.sign_ins.ticket(token=ticket, purpose="reset")
        return visit.render(
            "signing/reset.html",
            status=faults.status_of(error),
            ticket=ticket,
            email=found.email,
            error=error,
        )
    return await _enter(visit, signed_in, to=_HOME, told="You have a new password.")


async def _sign_in_form(
    visit: Visit, *, email: str = "", error: errors.Error | None = None
) -> Response:
    status = _refused(visit, error)
    entrance = await visit.services.sign_ins.open()
    return visit.render(
        "signing/sign_in.html",
        status=status,
        email=email,
        error=error,
        next=visit.query.get("next", ""),
        entrance=entrance,
    )


async def _sign_up_form(
    visit: Visit, *, email: str, invitation: str, error: errors.Error | None = None
) -> Response:
    status = _refused(visit, error)
    return visit.render(
        "signing/sign_up.html",
        status=status,
        email=email,
        invitation=invitation,
        error=error,
        entrance=await visit.services.sign_ins.open(),
    )


def _refused(visit: Visit, error: errors.Error | None) -> int:
    if error is None:
        return 200
    faults.write_down(visit, error)
    return faults.status_of(error)


async def _enter(visit: Visit, signed_in: SignedIn, *, to: str, told: str = "") -> Response:
    """Let the browser keep the sign-in; one that it had before is over."""
    if visit.visitor:
        await visit.services.sign_ins.sign_out(token=visit.visitor.token)
    response = visit.redirect(to, told=told)
    cookies.sign_in(
        response,
        signed_in.token,
        secure=visit.secure,
        expires_at=signed_in.expires_at,
        now=clock.now(),
    )
    return response


def _check_cookies(visit: Visit) -> None:
    if not visit.keeps_cookies:
        raise errors.BadInput(
            "Nobody can sign in over plain HTTP from another machine: open this page with "
            "https://, or on the server itself, or let the operator set PIXMILL_COOKIES_OVER_HTTP."
        )


def _next(visit: Visit) -> str:
    return forms.local_path(visit.query.get("next", ""), default=_HOME)


PAGES = (
    Page(path="/sign-in", handler=sign_in_page, who="anyone"),
    Page(path="/sign-in", handler=sign_in, method="POST", who="anyone"),
    Page(path="/sign-out", handler=sign_out, method="POST"),
    Page(path="/sign-up", handler=sign_up_page, who="anyone"),
    Page(path="/sign-up", handler=sign_up, method="POST", who="anyone"),
    Page(path="/forgotten-password", handler=forgotten_page, who="anyone"),
    Page(
        path="/forgotten-password",
        handler=forgotten,
        method="POST",
        who="anyone",
        back="/forgotten-password",
    ),
    Page(path="/reset-password", handler=reset_page, who="anyone"),
    Page(path="/reset-password", handler=reset, method="POST", who="anyone"),
)
