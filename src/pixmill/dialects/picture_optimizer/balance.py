"""What Picture Optimizer tells of credits, and what it publishes about itself."""

from dataclasses import asdict
from typing import Any

from starlette.responses import JSONResponse, Response

from pixmill import errors
from pixmill.dialects.picture_optimizer import bodies, recipes, texts, words
from pixmill.http import fields
from pixmill.http.dialect import Call
from pixmill.services.credits import PRICES, price
from pixmill.services.sessions.sampling import MOST_SAMPLES
from pixmill.services.sessions.types import LIFE, MOST_AT_ONCE, MOST_PICTURES
from pixmill.services.vision.filenames import LENGTH

#: Told for "as many as you like", so that clients that compare numbers keep working.
UNLIMITED = 999_999_999

#: Images that a check may be about.
MOST_IMAGES = 1_000_000


async def credits_balance(call: Call) -> Response:
    """Tell what the account has (PO-85, PO-86)."""
    standing = await call.services.credits.balance(account=call.caller.account.id)
    return JSONResponse(
        {
            "balance": await _available(call) if standing.balance is None else standing.balance,
            "planName": standing.plan.title.removeprefix("Picture Optimizer "),
            "userId": call.caller.account.id,
        }
    )


async def credits_check(call: Call) -> Response:
    """Tell what images would cost, and take it if that is asked for (PO-87 to PO-92)."""
    given = await bodies.read(call)
    action, count = fields.text(given, "action") or "", _count(given)
    cost = price(action, count)
    services, account_id = call.services, call.caller.account.id
    if not fields.truth(given, "deduct", default=False):
        quote = await services.credits.check(account=account_id, action=action, image_count=count)
        balance = await _available(call) if quote.balance is None else quote.balance
        return _checked(balance, cost)
    try:
        charge = await services.credits.deduct(
            account=account_id, action=action, image_count=count, actor=call.caller.key.id
        )
    except errors.InsufficientCredits as error:
        return _checked(error.balance, cost)
    if charge.balance is None:  # the plan counts no credits, so nothing is taken
        balance = await _available(call)
        return _checked(balance, cost, remaining=balance)
    told = {"deductionId": charge.id} if charge.id else {}
    return _checked(charge.balance, cost, remaining=charge.remaining, **told)


async def constants(call: Call) -> Response:
    """Tell presets, prices and limits, and what sizes can be expected (PO-71, PO-83)."""
    return JSONResponse(
        {
            "presets": {name: asdict(preset) for name, preset in recipes.PRESETS.items()},
            "bytesPerPixel": recipes.BYTES_PER_PIXEL,
            "defaults": {"format": recipes.DEFAULT_FORMAT, "preset": recipes.DEFAULT_PRESET},
            "formats": list(recipes.FORMATS),
            "responsiveSizes": [{"width": width} for width in recipes.BREAKPOINTS],
            "credits": dict(PRICES),
            "limits": {
                "imagesPerRequest": MOST_AT_ONCE,
                "imagesPerSession": MOST_PICTURES,
                "imagesPerSample": MOST_SAMPLES,
                "responsiveSizes": recipes.MOST_SIZES,
                "maxSide": recipes.MAX_SIDE,
                "maxFileSize": call.caller.plan.max_file_size,
                "sessionHours": round(LIFE.total_seconds() / 3600),
                "metadata": {**texts.LONGEST, "filename": LENGTH},
            },
            "visionConfigured": call.services.vision is not None,
        }
    )


def _checked(balance: int, cost: int, **more: object) -> Response:
    sufficient = balance >= cost
    answer: dict[str, Any] = {"sufficient": sufficient, "balance": balance, "cost": cost, **more}
    if not sufficient:
        answer |= words.body(errors.InsufficientCredits(balance=balance, needed=cost))
    return JSONResponse(answer, 200 if sufficient else 402)


async def _available(call: Call) -> int:
    """Return what stands for credits where the plan counts none: the rest of the month."""
    caller = call.caller
    if caller.plan.hard_limit is None:
        return UNLIMITED
    month = await call.services.usage.month(caller=caller, per=caller.plan.quota_per)
    return max(0, month.remaining or 0)


def _count(given: dict[str, object]) -> int:
    """Return the number of images (PO-100). Raises BadOption."""
    value = given.get("imageCount")
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not 1 <= value <= MOST_IMAGES:
        raise errors.BadOption(f'"imageCount" must be a whole number from 1 to {MOST_IMAGES}.')
    return value
