"""GET /api/v1/usage and /api/v1/account of OctoSqueeze, and what its plans allow."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from pixmill import clock
from pixmill.services.accounts import Accounts
from pixmill.services.keys import Keys

from fixtures.servers import Client, RunningServer, opened, run

EMAIL = "ada@octosqueeze.test"


def someone(server: RunningServer, plan: str) -> Client:
    return Client(base_url=server.base_url, key=server.key(plan))


def read(client: Client, path: str) -> dict[str, Any]:
    answer = client.request("GET", path)
    assert answer.status_code == 200, answer.text
    assert answer.json()["success"] is True
    data = answer.json()["data"]
    assert isinstance(data, dict)
    return data


def test_a_new_account_has_used_nothing(server: RunningServer) -> None:
    """OS-69, OS-70, OS-73, OS-79, OS-84, OS-94."""
    reset_date = f"{clock.next_period(datetime.now(UTC)):%Y-%m}-01"

    assert read(someone(server, "octosqueeze-free"), "/api/v1/usage") == {
        "plan": "Free",
        "compressions_used": 0,
        "compressions_limit": 500,
        "images_this_month": 0,
        "monthly_limit": 500,
        "api_calls_today": 0,
        "api_calls_limit": 200,
        "bytes_saved": 0,
        "max_file_size_mb": 25,
        "formats": ["jpeg", "png", "webp", "avif"],
        "reset_date": reset_date,
    }


@pytest.mark.parametrize("plan", ["octosqueeze-free", "octosqueeze-enterprise", "self-hosted"])
def test_what_succeeds_is_counted(server: RunningServer, jpeg: bytes, plan: str) -> None:
    """OS-69, OS-70: calls of today are counted also where nothing limits them."""
    client = someone(server, plan)
    answers = [client.post("/api/v1/compress", jpeg, format=name) for name in ("webp", "png")]
    assert client.post("/api/v1/compress", b"no image").status_code == 400
    usage = read(client, "/api/v1/usage")

    assert usage["compressions_used"] == usage["images_this_month"] == 2
    assert usage["api_calls_today"] == 3
    assert usage["bytes_saved"] == sum(answer.json()["data"]["savings_bytes"] for answer in answers)


@pytest.mark.parametrize(
    ("plan", "limits"),
    [
        ("free", (20, 200, 500, 25)),
        ("starter", (60, 1_000, 5_000, 25)),
        ("pro", (120, 10_000, 25_000, 50)),
        ("unlimited", (300, None, None, 100)),
        ("enterprise", (1_000, None, None, 200)),
    ],
)
def test_the_published_plans(
    server: RunningServer, plan: str, limits: tuple[int | None, ...]
) -> None:
    """OS-71, OS-72, OS-79, OS-80, OS-81, OS-82, OS-83, OS-85, OS-93: null is no limit."""
    client = someone(server, f"octosqueeze-{plan}")
    answer = client.request("GET", "/api/v1/usage")
    usage, account = answer.json()["data"], read(client, "/api/v1/account")
    minute, day, month, megabytes = limits

    assert usage["plan"] == account["plan"] == plan.title()
    assert usage["compressions_limit"] == usage["monthly_limit"] == month
    assert (usage["api_calls_limit"], usage["max_file_size_mb"]) == (day, megabytes)
    assert account["limits"] == {
        "requests_per_minute": minute,
        "calls_per_day": day,
        "monthly": month,
        "max_file_size_mb": megabytes,
    }
    assert answer.headers["X-RateLimit-Limit"] == str(minute)


def test_nothing_limits_who_hosts_it_himself(client: Client) -> None:
    """OS-71, OS-72, OS-85: headers are numbers all the same."""
    answer = client.request("GET", "/api/v1/usage")
    usage = answer.json()["data"]

    assert usage["plan"] == "Self-hosted"
    assert usage["compressions_limit"] is usage["monthly_limit"] is usage["api_calls_limit"] is None
    assert answer.headers["X-RateLimit-Limit"] == "2147483647"
    assert answer.headers["X-RateLimit-Remaining"] == "2147483647"
    assert answer.headers["X-RateLimit-Reset"] == "0"


def test_a_month_that_is_over_can_be_looked_at(server: RunningServer) -> None:
    """OS-69."""
    client = someone(server, "octosqueeze-free")
    server.spend(client.key, 505)

    assert read(client, "/api/v1/usage")["compressions_used"] == 505


async def keys_of_ada(server: RunningServer) -> list[str]:
    """Make an account with two keys that work and one that does not."""
    async with opened(server.database_url) as database:
        await Accounts(database=database).create(email=EMAIL, plan="octosqueeze-pro")
        keys = Keys(database=database)
        made = [await keys.create(account=EMAIL) for _ in range(3)]
        await keys.revoke(id_=made[2].key.id)
    return [key.secret for key in made]


def test_the_account_is_told(server: RunningServer) -> None:
    """OS-3, OS-74, OS-75."""
    secrets = run(keys_of_ada(server))
    account = read(Client(base_url=server.base_url, key=secrets[0]), "/api/v1/account")
    renews_at = f"{clock.next_period(datetime.now(UTC)):%Y-%m}-01T00:00:00Z"

    assert all(secret.startswith("os_") for secret in secrets)
    assert re.fullmatch("acc_[0-9a-f]{20}", account.pop("id"))
    assert account == {
        "name": "ada",
        "email": EMAIL,
        "plan": "Pro",
        "subscription": {"status": "active", "renews_at": renews_at},
        "api_keys": {"used": 2, "limit": None},
        "limits": {
            "requests_per_minute": 120,
            "calls_per_day": 10_000,
            "monthly": 25_000,
            "max_file_size_mb": 50,
        },
    }


def test_a_plan_that_ends_never_is_not_renewed(client: Client) -> None:
    assert read(client, "/api/v1/account")["subscription"] == {
        "status": "active",
        "renews_at": None,
    }


def test_usage_is_that_of_the_account(server: RunningServer, jpeg: bytes) -> None:
    """OS-69: all its keys together, where the plan counts them together."""
    free, optipic = someone(server, "octosqueeze-free"), someone(server, "optipic-free")
    for client in (free, optipic):
        assert client.post("/api/v1/compress", jpeg).status_code == 200

    assert read(free, "/api/v1/usage")["compressions_used"] == 1
    assert read(optipic, "/api/v1/usage")["compressions_used"] == 1


@pytest.mark.parametrize("path", ["/api/v1/usage", "/api/v1/account"])
def test_asking_is_free(server: RunningServer, path: str) -> None:
    client = someone(server, "octosqueeze-free")
    answers = [client.request("GET", path) for _ in range(25)]

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["X-RateLimit-Remaining"] for answer in answers} == {"20"}


@pytest.mark.parametrize("path", ["/api/v1/usage", "/api/v1/account"])
def test_nobody_is_told_without_a_key(server: RunningServer, path: str) -> None:
    """OS-2, OS-11."""
    answer = requests.get(f"{server.base_url}{path}", timeout=10)

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
