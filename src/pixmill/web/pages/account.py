"""One's own account: its plan, its password, and where it is signed in."""

from starlette.responses import Response

from pixmill.services.sign_ins.types import digest_of
from pixmill.web import forms, words
from pixmill.web.page import Page, Visit

_PATH = "/dashboard/account"


async def account(visit: Visit) -> Response:
    """Show the account."""
    plan = await visit.services.plans.find(name=visit.member.account.plan)
    return visit.render(
        "account/account.html",
        plan=plan,
        terms=words.terms(plan),
        sign_ins=await visit.services.sign_ins.listed(account_id=visit.account_id),
        here=digest_of(visit.member.token),
    )


async def change_password(visit: Visit) -> Response:
    """Set a new password; whoever is signed in elsewhere has to sign in with it."""
    await visit.services.sign_ins.change_password(
        account=visit.member.account,
        old=forms.secret(visit, "old"),
        new=forms.secret(visit, "new"),
        token=visit.member.token,
    )
    return visit.redirect(
        _PATH, told="You have a new password, and are signed in here and nowhere else."
    )


async def end_sign_in(visit: Visit) -> Response:
    """End the sign-in of another browser."""
    await visit.services.sign_ins.end(
        digest=forms.text(visit, "sign_in"), account_id=visit.account_id
    )
    return visit.redirect(_PATH, told="Whoever was signed in there has to sign in again.")


async def end_other_sign_ins(visit: Visit) -> Response:
    """End all sign-ins but this one."""
    count = await visit.services.sign_ins.sign_out_everywhere(
        account_id=visit.account_id, but=visit.member.token
    )
    told = f"{count} sign-in{' is' if count == 1 else 's are'} ended."
    return visit.redirect(_PATH, told=told if count else "You are signed in nowhere else.")


PAGES = (
    Page(path=_PATH, handler=account),
    Page(path=f"{_PATH}/password", handler=change_password, method="POST", back=_PATH),
    Page(path=f"{_PATH}/sign-ins/end", handler=end_sign_in, method="POST", back=_PATH),
    Page(
        path=f"{_PATH}/sign-ins/end-others", handler=end_other_sign_ins, method="POST", back=_PATH
    ),
)
