"""Accounts, for whoever runs the server: finding them, letting them in, and changing them."""

import secrets

from starlette.responses import Response

from pixmill import clock, errors
from pixmill.services.accounts import Account
from pixmill.services.credits import NOTE_LENGTH
from pixmill.web import faults, forms, words
from pixmill.web.page import Page, Visit

_PATH = "/dashboard/accounts"
_ONE = f"{_PATH}/{{id}}"

#: Entries of the credits' history on one page.
_ENTRIES = 20


async def accounts(visit: Visit) -> Response:
    """Show the accounts, or those that are looked for."""
    return await _list(visit)


async def invite(visit: Visit) -> Response:
    """Make an invitation, and show its link in the answer: nobody can ask for it again."""
    email = forms.text(visit, "email")
    try:
        link = await visit.services.sign_ins.invite(
            email=email, plan=forms.text(visit, "plan") or None, base_url=visit.base_url
        )
    except (errors.BadInput, errors.Refused, errors.Conflict) as error:
        return await _list(visit, error=error)
    return visit.render(
        "accounts/link.html",
        title="The invitation",
        link=link,
        words=f"With this link, {email} makes an account: once, within seven days.",
        mailed=visit.services.mail.works,
        back=_PATH,
    )


async def account_of(visit: Visit) -> Response:
    """Show one account."""
    account = await _found(visit)
    plans = await visit.services.plans.all()
    entries = await visit.services.credits.history(
        account=account.id, before=forms.before(visit), limit=_ENTRIES
    )
    keys = await visit.services.keys.all(account=account.id)
    standing = await visit.services.credits.balance(account=account.id)
    return visit.render(
        "accounts/account.html",
        account=account,
        month=await visit.services.usage.account(account_id=account.id),
        plans=[(plan.name, plan.title) for plan in plans],
        terms=words.terms(standing.plan),
        keys=list(reversed(keys)),
        names={key.id: key.label for key in keys},
        standing=standing,
        entries=entries,
        refundable=await visit.services.credits.refundable(entries=entries),
        before=forms.before(visit),
        older=entries[-1].number if entries and entries[-1].number > 1 else None,
        once=secrets.token_hex(16),
        now=clock.now(),
        note_length=NOTE_LENGTH,
        sign_ins=await visit.services.sign_ins.listed(account_id=account.id),
    )


async def set_plan(visit: Visit) -> Response:
    """Put an account on another plan."""
    account = await visit.services.accounts.set_plan(
        name=forms.id_of(visit), plan=forms.text(visit, "plan")
    )
    plan = await visit.services.plans.find(name=account.plan)
    return _done(visit, f"{account.email} has {plan.title}, from the next request on.")


async def set_access(visit: Visit) -> Response:
    """Stop the keys of an account and sign it out, or let it in again."""
    id_ = forms.id_of(visit)
    if forms.text(visit, "on") == "no":
        account = await visit.services.accounts.disable(name=id_)
        return _done(visit, f"{account.email} is disabled: its keys and sign-ins have stopped.")
    account = await visit.services.accounts.enable(name=id_)
    return _done(visit, f"{account.email} is enabled: its keys work again, and it can sign in.")


async def set_operator(visit: Visit) -> Response:
    """Make an account an operator, or one of the others."""
    on = forms.text(visit, "on") == "yes"
    account = await visit.services.accounts.set_operator(name=forms.id_of(visit), on=on)
    if account.id == visit.account_id and not on:  # nothing here is theirs any more
        return visit.redirect("/dashboard", told="You do not run this server any more.")
    told = "runs this server too" if on else "does not run this server any more"
    return _done(visit, f"{account.email} {told}.")


async def print_reset_link(visit: Visit) -> Response:
    """Make a link for a new password, and show it in the answer."""
    account = await _found(visit)
    link = await visit.services.sign_ins.reset_link(name=account.id, base_url=visit.base_url)
    return visit.render(
        "accounts/link.html",
        title="A new password",
        link=link,
        words=f"With this link, {account.email} sets a new password: once, within 24 hours. Give "
        "it to nobody else, because who has it can sign in.",
        mailed=False,
        back=f"{_PATH}/{account.id}",
    )


async def revoke_key_of(visit: Visit) -> Response:
    """Make a key of an account stop working for good."""
    key = await visit.services.keys.revoke(
        id_=forms.id_of(visit, "key"), account_id=forms.id_of(visit)
    )
    return _done(visit, f"{key.label} is revoked: it has stopped working.")


async def _list(visit: Visit, *, error: errors.Error | None = None) -> Response:
    text, page = forms.asked(visit, "q"), forms.page_number(visit)
    leaf = await visit.services.roster.leaf(text=text, page=page)
    plans = await visit.services.plans.all()
    if error:
        faults.write_down(visit, error)
    return visit.render(
        "accounts/list.html",
        status=faults.status_of(error) if error else 200,
        leaf=leaf,
        text=text,
        page=page,
        titles={plan.name: plan.title for plan in plans},
        plans=[(plan.name, plan.title) for plan in plans if plan.max_keys != 0],
        chosen=forms.text(visit, "plan") or visit.site.settings.sign_up_plan,
        email=forms.text(visit, "email"),
        mailed=visit.services.mail.works,
        error=error,
    )


async def _found(visit: Visit) -> Account:
    return await visit.services.accounts.find(name=forms.id_of(visit))


def _done(visit: Visit, told: str) -> Response:
    return visit.redirect(_ONE.format(**visit.path), told=told)


PAGES = (
    Page(path=_PATH, handler=accounts, who="operator"),
    Page(path=f"{_PATH}/invite", handler=invite, method="POST", who="operator", back=_PATH),
    Page(path=_ONE, handler=account_of, who="operator"),
    Page(path=f"{_ONE}/plan", handler=set_plan, method="POST", who="operator", back=_ONE),
    Page(path=f"{_ONE}/access", handler=set_access, method="POST", who="operator", back=_ONE),
    Page(path=f"{_ONE}/operator", handler=set_operator, method="POST", who="operator", back=_ONE),
    Page(
        path=f"{_ONE}/reset-link",
        handler=print_reset_link,
        method="POST",
        who="operator",
        back=_ONE,
    ),
    Page(
        path=f"{_ONE}/keys/{{key}}/revoke",
        handler=revoke_key_of,
        method="POST",
        who="operator",
        back=_ONE,
    ),
)
