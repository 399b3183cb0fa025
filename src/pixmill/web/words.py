"""What pages call things that have a short name in the code."""

from pixmill.services.batches import Status
from pixmill.services.credits import Entry
from pixmill.services.keys import Room
from pixmill.services.plans import Plan

_CREDITS = {
    "signup": "For signing up",
    "monthly": "For the month",
    "grant": "Given by the operator",
    "deduct": "Used",
    "unused": "Back, not used",
    "failed": "Back, an image failed",
    "refund": "Refunded",
    "expired": "Ended with the month",
}

_ACTIONS = {"analyze": "to analyze", "export": "to export", "sample": "for samples"}

_MIB = 2**20

_WHOSE = {"account": "for all keys together", "key": "for each key"}


def credit(entry: Entry) -> str:
    """Return why the credits changed."""
    told = _CREDITS[entry.kind]
    return f"{told} {_ACTIONS.get(entry.action, '')}".strip() if entry.action else told


def batch_state(status: Status) -> str:
    """Return how a batch stands."""
    return status.replace("_", " ").capitalize()


def limits(plan: Plan) -> str:
    """Return what *plan* allows, as sentences."""
    whose = "each key" if plan.quota_per == "key" else "all keys together"
    beyond = "included; what goes beyond costs extra" if plan.overage else "at most"
    month = (
        "any number of requests a month"
        if plan.monthly_requests is None
        else f"{plan.monthly_requests:,} requests a month for {whose}, {beyond}"
    )
    paces = [
        f"{limit:,} a {unit}"
        for limit, unit in ((plan.daily_requests, "day"), (plan.minute_requests, "minute"))
        if limit is not None
    ]
    pace = f" Not more than {' and '.join(paces)}." if paces else ""
    return f"{plan.title}: {month}.{pace} Files of up to {plan.max_file_size / _MIB:g} MiB."


def terms(plan: Plan) -> list[tuple[str, str]]:
    """Return what *plan* allows, each with what it is called."""
    return [
        ("Requests a month", f"{_month(plan)}, counted {_WHOSE[plan.quota_per]}"),
        ("A day", any_number(plan.daily_requests)),
        ("A minute", any_number(plan.minute_requests)),
        ("Largest file", f"{plan.max_file_size / _MIB:g} MiB"),
        ("Active keys", any_number(plan.max_keys)),
        ("Credits", _credits(plan)),
        ("API", "included" if plan.api_allowed else "not included: its keys are refused"),
    ]


def any_number(limit: int | None) -> str:
    """Return a limit, or that there is none."""
    return "any number" if limit is None else f"{limit:,}"


def _month(plan: Plan) -> str:
    if not plan.overage or plan.monthly_requests is None:
        return any_number(plan.monthly_requests)
    prices = [
        f"${tier.price_microusd / 1_000_000:g} each"
        + (f" up to {tier.up_to:,}" if tier.up_to else "")
        for tier in plan.overage
    ]
    return f"{plan.monthly_requests:,} included, then {', then '.join(prices)}"


def _credits(plan: Plan) -> str:
    given = [
        f"{count:,} {when}"
        for count, when in (
            (plan.monthly_credits, "a month"),
            (plan.signup_credits, "once, for signing up"),
        )
        if count
    ]
    return " and ".join(given) or "not counted: analyses and exports are free"


def no_room(room: Room) -> str:
    """Return why no more keys can be made, and what to do."""
    ask = "ask whoever runs this server for another plan"
    most = room.plan.max_keys
    if not most:
        return f"{room.plan.title} allows no keys: {ask}."
    keys = "one active key, and there is one" if most == 1 else f"{most} active keys"
    there = "" if most == 1 else f", and there are {room.active}"
    return f"{room.plan.title} allows {keys}{there}. Delete or deactivate one, or {ask}."


def first_call(*, base_url: str, key: str) -> str:
    """Return a command that anybody can run to see that *key* works."""
    return (
        f"curl {base_url}/v1/compress \\\n"
        f'  -H "Authorization: Bearer {key}" \\\n'
        "  -F file=@photo.jpg -F format=webp \\\n"
        "  -o photo.webp"
    )
