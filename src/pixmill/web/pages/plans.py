"""Plans, for whoever runs the server: what accounts may use, and changing it."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from starlette.responses import Response

from pixmill import errors
from pixmill.services.plans import Plan
from pixmill.web import faults, forms
from pixmill.web.page import Page, Visit

_PATH = "/dashboard/plans"
_ONE = f"{_PATH}/{{name}}"

#: Whole numbers, and what people call them; empty means without limit.
_LIMITS = {
    "monthly_requests": "Requests a month",
    "daily_requests": "Requests a day",
    "minute_requests": "Requests a minute",
    "max_keys": "Active keys",
}

_NUMBERS = {
    "monthly_credits": "Credits a month",
    "signup_credits": "Credits for signing up",
    "key_length": "Length of keys",
}

_TEXTS = {
    "title": "Title",
    "key_prefix": "Beginning of keys",
    "max_file_size": "Largest file",
    "quota_per": "Requests are counted",
}

_NAMES = {**_LIMITS, **_NUMBERS, **_TEXTS, "overage": "Prices"}

#: Prices that a plan can be given here.
_TIERS = 3

_MICRO = Decimal(1_000_000)
_MIB = 2**20


async def plans(visit: Visit) -> Response:
    """Show all plans."""
    return visit.render("plans/list.html", plans=await visit.services.plans.all())


async def plan(visit: Visit) -> Response:
    """Show one plan, and the form to change it."""
    return await _form(visit)


async def change_plan(visit: Visit) -> Response:
    """Change a plan."""
    try:
        changed = await visit.services.plans.change(
            name=forms.id_of(visit, "name"), changes=_changes(visit)
        )
    except errors.BadOption as error:
        return await _form(visit, error=error)
    told = f"{changed.title} is changed, from the next request on."
    return visit.redirect(_ONE.format(name=changed.name), told=told)


async def reset_plan(visit: Visit) -> Response:
    """Give a plan the numbers that it came with."""
    there = await visit.services.plans.reset(name=forms.id_of(visit, "name"))
    told = f"{there.title} is as it came with Pixmill, from the next request on."
    return visit.redirect(_ONE.format(name=there.name), told=told)


async def _form(visit: Visit, *, error: errors.BadOption | None = None) -> Response:
    found = await visit.services.plans.find(name=forms.id_of(visit, "name"))
    if error:
        faults.write_down(visit, error)
    return visit.render(
        "plans/plan.html",
        status=faults.status_of(error) if error else 200,
        plan=found,
        values=visit.form or _values(found),
        limits=_LIMITS,
        numbers=_NUMBERS,
        tiers=range(max(_TIERS, len(found.overage))),
        error=_named(error) if error else None,
    )


def _values(there: Plan) -> Mapping[str, object]:
    """Return what the form shows of a plan."""
    size = there.max_file_size
    values: dict[str, object] = {
        "title": there.title,
        "key_prefix": there.key_prefix,
        "max_file_size": f"{size // _MIB}MiB" if size % _MIB == 0 else str(size),
        "quota_per": there.quota_per,
        "api_allowed": "yes" if there.api_allowed else "",
    }
    for name in (*_LIMITS, *_NUMBERS):
        value = getattr(there, name)
        values[name] = "" if value is None else value
    for number, tier in enumerate(there.overage):
        values[f"up_to_{number}"] = tier.up_to or ""
        values[f"price_{number}"] = f"{tier.price_microusd / _MICRO:f}"
    return values


def _changes(visit: Visit) -> dict[str, object]:
    changes: dict[str, object] = {
        name: forms.whole(visit, name, label=label) for name, label in _LIMITS.items()
    }
    changes |= {name: forms.text(visit, name) for name in _TEXTS}
    changes |= {
        name: forms.whole(visit, name, label=label) or 0 for name, label in _NUMBERS.items()
    }
    changes["api_allowed"] = forms.text(visit, "api_allowed") == "yes"
    lines = sum(name.startswith("price_") for name in visit.form)
    changes["overage"] = [tier for number in range(lines) if (tier := _tier(visit, number))]
    return changes


def _tier(visit: Visit, number: int) -> dict[str, object] | None:
    """Return one price; None when its line is empty."""
    up_to = forms.whole(visit, f"up_to_{number}", label="The last request at a price")
    price = forms.text(visit, f"price_{number}")
    if not price:
        if up_to is not None:
            raise errors.BadOption("Each line of the prices needs a price.")
        return None
    try:
        micro = Decimal(price) * _MICRO
        whole = int(micro)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise errors.BadOption("A price is a number of dollars, such as 0.009.") from error
    if micro != whole:
        raise errors.BadOption("A price has at most six digits after the point.")
    return {"up_to": up_to, "price_microusd": whole}


def _named(error: errors.BadOption) -> str:
    """Return what is wrong, with the field's name as the page has it."""
    name, colon, text = str(error).partition(": ")
    return f"{_NAMES[name]}: {text}" if colon and name in _NAMES else str(error)


PAGES = (
    Page(path=_PATH, handler=plans, who="operator"),
    Page(path=_ONE, handler=plan, who="operator"),
    Page(path=_ONE, handler=change_plan, method="POST", who="operator"),
    Page(path=f"{_ONE}/reset", handler=reset_plan, method="POST", who="operator", back=_ONE),
)
