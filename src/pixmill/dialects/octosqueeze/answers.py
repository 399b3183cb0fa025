"""How OctoSqueeze tells of single results, usage and accounts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pixmill import clock
from pixmill.dialects.octosqueeze import words
from pixmill.dialects.octosqueeze.options import FORMATS
from pixmill.http.dialect import Call
from pixmill.services.keys import Caller
from pixmill.services.results import Stored
from pixmill.services.usage import MonthUsage


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where results can be had."""

    base_url: str
    sign: Callable[[Stored], str]

    def to(self, stored: Stored) -> str | None:
        """
        Return a URL that needs no header, because it is signed (OS-22, OS-60, OS-61).

        None: the result has expired.
        """
        if stored.expired(clock.now()):
            return None
        return f"{self.base_url}/api/v1/download/{stored.id}/{self.sign(stored)}"


def links(call: Call) -> Links:
    """Return the links for an answer to *call*."""
    return Links(base_url=call.base_url, sign=call.services.results.link)


def result(links: Links, stored: Stored) -> dict[str, Any]:
    """Return what is told of an image that was compressed just now (OS-20 to OS-23)."""
    return {
        "id": stored.id,
        "compressed": _compressed(stored),
        **_numbers(stored),
        "savings_bytes": stored.original_size - stored.size,
        "width": stored.width,
        "height": stored.height,
        "download_url": links.to(stored),
        "expires_at": _expiry(stored),
    }


def variant(links: Links, stored: Stored) -> dict[str, Any]:
    """Return what is told of the same image in one of several formats (OS-27, OS-34)."""
    return {
        "id": stored.id,
        "format": stored.format,
        "compressed_size": stored.size,
        "savings_percent": words.savings_percent(stored.original_size, stored.size),
        "download_url": links.to(stored),
    }


def earlier(links: Links, stored: Stored) -> dict[str, Any]:
    """Return what is told of an image that was compressed a while ago (OS-56, OS-67)."""
    return {
        "id": stored.id,
        "status": standing(stored),
        "compressed": _compressed(stored),
        **_numbers(stored),
        "download_url": links.to(stored),
        "created_at": words.moment(stored.created_at),
        "expires_at": _expiry(stored),
    }


def usage(caller: Caller, month: MonthUsage, today: int | None) -> dict[str, Any]:
    """Return what was used (OS-69 to OS-73); no limit is null."""
    plan = caller.plan
    return {
        "plan": _plan(caller),
        "compressions_used": month.requests,
        "compressions_limit": month.limit,
        "images_this_month": month.requests,
        "monthly_limit": month.limit,
        "api_calls_today": today,
        "api_calls_limit": plan.daily_requests,
        "bytes_saved": month.bytes_saved,
        "max_file_size_mb": words.megabytes(plan.max_file_size),
        "formats": list(FORMATS),
        "reset_date": f"{month.reset_at:%Y-%m-%d}",
    }


def batch_usage(month: MonthUsage) -> dict[str, Any]:
    """Return what was used, as it stands beside a batch (OS-54)."""
    return {
        "compressions_used": month.requests,
        "compressions_limit": month.limit,
        "remaining": month.remaining,
    }


def account(caller: Caller, *, active_keys: int) -> dict[str, Any]:
    """Return who is served, and under which terms (OS-74, OS-75)."""
    plan, email = caller.plan, caller.account.email
    renews_at = None if plan.monthly_requests is None else clock.next_period(clock.now())
    return {
        "id": caller.account.id,
        "name": email.partition("@")[0],
        "email": email,
        "plan": _plan(caller),
        "subscription": {
            "status": "active",
            "renews_at": renews_at and words.moment(renews_at),
        },
        "api_keys": {"used": active_keys, "limit": plan.max_keys},
        "limits": {
            "requests_per_minute": plan.minute_requests,
            "calls_per_day": plan.daily_requests,
            "monthly": plan.monthly_requests,
            "max_file_size_mb": words.megabytes(plan.max_file_size),
        },
    }


def _numbers(stored: Stored) -> dict[str, Any]:
    return {
        "original_size": stored.original_size,
        "compressed_size": stored.size,
        "savings_percent": words.savings_percent(stored.original_size, stored.size),
        "format": stored.format,
    }


def _compressed(stored: Stored) -> bool:
    """Say whether the result is anything else than the upload (OS-37)."""
    return stored.how != "original" or stored.size < stored.original_size


def standing(stored: Stored) -> str:
    """Return the word for a result that was made, whether or not it can still be had."""
    return "expired" if stored.expired(clock.now()) else "completed"


def _expiry(stored: Stored) -> str | None:
    return None if stored.expires_at is None else words.moment(stored.expires_at)


def _plan(caller: Caller) -> str:
    return caller.plan.title.removeprefix("OctoSqueeze ")
