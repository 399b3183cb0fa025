"""Credits from the hand of whoever runs the server: given, and given back (PO-101)."""

import re
import secrets

from starlette.responses import JSONResponse, Response

from pixmill import errors
from pixmill.services.credits import NOTE_LENGTH, Standing
from pixmill.web import faults, forms
from pixmill.web.page import Page, Visit

_ACCOUNT = "/dashboard/accounts/{id}"

#: What a form sends along, so that it does its work once.
_ONCE = re.compile(r"[0-9a-f]{32}")


async def grant(visit: Visit) -> Response:
    """Give an account credits."""
    standing = await visit.services.credits.grant(
        account=forms.id_of(visit),
        count=_count(visit),
        note=forms.text(visit, "note"),
        once=_once(visit),
    )
    return _done(visit, standing, "The credits are given")


async def refund_page(visit: Visit) -> Response:
    """Show the form to give credits back, of one deduction or of none."""
    return await _form(visit)


async def refund(visit: Visit) -> Response:
    """
    Give credits back.

    A script that sends ``Accept: application/json`` gets what the account has then.
    """
    try:
        standing = await visit.services.credits.refund(
            account=forms.id_of(visit),
            count=_count(visit),
            deduction_id=forms.text(visit, "deduction") or None,
            note=forms.text(visit, "note"),
            once=_once(visit),
        )
    except errors.BadInput as error:
        if faults.wants_json(visit.request):
            raise
        return await _form(visit, error=error)
    return _done(visit, standing, "The credits are given back")


async def _form(visit: Visit, *, error: errors.Error | None = None) -> Response:
    account = await visit.services.accounts.find(name=forms.id_of(visit))
    deduction = forms.text(visit, "deduction") or forms.asked(visit, "deduction")
    story = (
        await visit.services.credits.story(account=account.id, deduction_id=deduction)
        if deduction
        else []
    )
    if error:
        faults.write_down(visit, error)
    left = -sum(entry.amount for entry in story)
    return visit.render(
        "accounts/refund.html",
        status=faults.status_of(error) if error else 200,
        account=account,
        standing=await visit.services.credits.balance(account=account.id),
        deduction=deduction,
        story=story,
        left=left,
        count=forms.text(visit, "count") or (left if left > 0 else ""),
        note=forms.text(visit, "note"),
        note_length=NOTE_LENGTH,
        once=secrets.token_hex(16),
        error=error,
    )


def _done(visit: Visit, standing: Standing, told: str) -> Response:
    if faults.wants_json(visit.request):
        return JSONResponse(
            {
                "account_id": standing.account.id,
                "email": standing.account.email,
                "plan": standing.plan.name,
                "balance": standing.balance,
                "monthly": standing.monthly,
                "ends_at": standing.ends_at.isoformat(),
            }
        )
    has = "" if standing.balance is None else f": {standing.account.email} has {standing.balance:,}"
    return visit.redirect(_ACCOUNT.format(**visit.path), told=f"{told}{has}.")


def _count(visit: Visit) -> int:
    count = forms.whole(visit, "count", label="The number of credits")
    if count is None:
        raise errors.BadOption("Say how many credits.")
    return count


def _once(visit: Visit) -> str:
    """Return what keeps a form that is sent twice from doing its work twice."""
    once = forms.text(visit, "once")
    if once and not _ONCE.fullmatch(once):
        raise errors.BadOption("Load the page again.")
    return once


PAGES = (
    Page(path=f"{_ACCOUNT}/credits", handler=grant, method="POST", who="operator", back=_ACCOUNT),
    Page(path=f"{_ACCOUNT}/refund", handler=refund_page, who="operator"),
    Page(path=f"{_ACCOUNT}/refund", handler=refund, method="POST", who="operator"),
)
