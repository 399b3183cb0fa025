"""The keys of an account: making them, and what can be done to them afterwards."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from starlette.responses import Response

from pixmill import clock, errors
from pixmill.services.keys import NAME_LENGTH, Key
from pixmill.web import faults, forms, words
from pixmill.web.page import Page, Visit

_PATH = "/dashboard/keys"

#: How long a key works: what the form sends, and what it says.
_LIFETIMES = (
    ("", "for good"),
    ("30", "30 days"),
    ("90", "90 days"),
    ("365", "a year"),
    ("date", "until a date"),
)

#: How far ahead the end of a key is pointed out.
_SOON = timedelta(days=14)

_State = Literal["active", "deactivated", "expired", "revoked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A key as the page lists it."""

    key: Key
    state: _State
    plan: str  #: its title
    requests: int  #: of this month
    ends_soon: bool

    @property
    def over(self) -> bool:
        """Say whether it will never work again."""
        return self.state in {"expired", "revoked"}


async def keys(visit: Visit) -> Response:
    """Show the keys, and the form for a new one."""
    return await _list(visit)


async def make_key(visit: Visit) -> Response:
    """Make a key, and show its secret in the answer: nobody can ask for it again."""
    try:
        made = await visit.services.keys.create(
            account=visit.account_id,
            plan=forms.text(visit, "plan") or None,
            name=forms.text(visit, "name"),
            lifetime=_lifetime(visit, now=clock.now()),
            by_owner=True,
        )
    except (errors.BadInput, errors.Refused) as error:
        return await _list(visit, error=error)
    plan = await visit.services.plans.find(name=made.key.plan or visit.member.account.plan)
    curl = words.first_call(base_url=visit.base_url, key=made.secret)
    return visit.render("keys/made.html", made=made, plan=plan, curl=curl)


async def rename_key(visit: Visit) -> Response:
    """Call a key something else."""
    key = await visit.services.keys.rename(
        id_=forms.id_of(visit), name=forms.text(visit, "name"), account_id=visit.account_id
    )
    return visit.redirect(_PATH, told=f"The key is called {key.label} now.")


async def switch_key(visit: Visit) -> Response:
    """Deactivate a key, or make it work again (PO-7)."""
    on = forms.text(visit, "on") == "yes"
    try:
        key = await visit.services.keys.switch(
            id_=forms.id_of(visit), on=on, account_id=visit.account_id
        )
    except errors.KeyLimitReached as error:
        faults.write_down(visit, error)
        room = await visit.services.keys.room(account_id=visit.account_id)
        return visit.redirect(_PATH, fault=words.no_room(room))
    done = "works again" if on else "is deactivated: what is sent with it is refused"
    return visit.redirect(_PATH, told=f"{key.label} {done}.")


async def delete_key(visit: Visit) -> Response:
    """Delete a key."""
    await visit.services.keys.delete(id_=forms.id_of(visit), account_id=visit.account_id)
    return visit.redirect(_PATH, told="The key is deleted.")


async def _list(visit: Visit, *, error: errors.Error | None = None) -> Response:
    now = clock.now()
    room = await visit.services.keys.room(account_id=visit.account_id)
    month = await visit.services.usage.account(account_id=visit.account_id)
    titles = {plan.name: plan.title for plan in await visit.services.plans.all()}
    rows = [
        Row(
            key=key,
            state=_state(key, now=now),
            plan=titles[key.plan or room.plan.name],
            requests=month.of(key.id).requests,
            ends_soon=key.expires_at is not None and key.expires_at < now + _SOON,
        )
        for key in await visit.services.keys.all(account=visit.account_id)
    ]
    rows.reverse()
    if error:
        faults.write_down(visit, error)
    return visit.render(
        "keys/list.html",
        status=faults.status_of(error) if error else 200,
        living=[row for row in rows if not row.over],
        over=[row for row in rows if row.over],
        room=room,
        plans=[(plan.name, plan.title) for plan in room.choices],
        full=words.no_room(room) if room.full else "",
        # What stands in the way is said in its place, with what to do about it.
        error=None if room.full and isinstance(error, errors.KeyLimitReached) else error,
        form=visit.form,
        lifetimes=_LIFETIMES,
        today=now.date(),
        name_length=NAME_LENGTH,
    )


def _state(key: Key, *, now: datetime) -> _State:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is not None and key.expires_at <= now:
        return "expired"
    return "active" if key.disabled_at is None else "deactivated"


def _lifetime(visit: Visit, *, now: datetime) -> timedelta | None:
    """Return how long the key shall work; None: for good. Raises BadOption."""
    asked = forms.text(visit, "lifetime")
    if asked not in dict(_LIFETIMES):
        raise errors.BadOption("Choose how long the key works.")
    if not asked:
        return None
    if asked != "date":
        return timedelta(days=int(asked))
    try:
        last = datetime.strptime(forms.text(visit, "until"), "%Y-%m-%d").replace(tzinfo=UTC)
        return last + timedelta(days=1) - now  # it works on that day too
    except (ValueError, OverflowError) as error:
        raise errors.BadOption("Say on which day the key works for the last time.") from error


PAGES = (
    Page(path=_PATH, handler=keys),
    Page(path=_PATH, handler=make_key, method="POST", back=_PATH),
    Page(path=f"{_PATH}/{{id}}/rename", handler=rename_key, method="POST", back=_PATH),
    Page(path=f"{_PATH}/{{id}}/switch", handler=switch_key, method="POST", back=_PATH),
    Page(path=f"{_PATH}/{{id}}/delete", handler=delete_key, method="POST", back=_PATH),
)
