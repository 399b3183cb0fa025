"""Smolpix's plans and keys: who may call, how often, and what those hear who may not."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
import requests

from pixmill import errors
from pixmill.dialects.smolpix import DIALECT
from pixmill.http.record import Record
from pixmill.services.accounts import Accounts
from pixmill.services.keys import Keys
from pixmill.services.plans import Plans
from pixmill.stores.db import Database

from fixtures.origins import Origin
from fixtures.servers import Client, RunningServer, opened, run

T = TypeVar("T")

PATH = "/api/v1/optimize"
EMAIL = "ada@smolpix.test"


def caller(server: RunningServer, plan: str) -> Client:
    return Client(base_url=server.base_url, key=server.key(plan))


def ask(client: Client, **body: object) -> requests.Response:
    return client.request("POST", PATH, json=body)


def with_database(server: RunningServer, work: Callable[[Database], Awaitable[T]]) -> T:
    """Do *work* as an operator would, on the database of *server*."""

    async def do() -> T:
        async with opened(server.database_url) as database:
            return await work(database)

    return run(do())


def test_the_api_is_for_pro_and_agency(server: RunningServer) -> None:
    """SM-7, SM-39: before the body is looked at."""
    answer = ask(caller(server, "smolpix-free"))

    assert answer.status_code == 403
    assert answer.json() == {
        "success": False,
        "error": "API access requires Pro plan or higher",
        "code": "FORBIDDEN",
    }


@pytest.mark.parametrize("plan", ["self-hosted", "smolpix-pro", "smolpix-agency", "optipic-free"])
def test_nobody_else_is_locked_out(
    fetching_server: RunningServer, origin: Origin, jpeg: bytes, plan: str
) -> None:
    """SM-2, SM-7, SM-9: the plan that accounts have by default allows everything."""
    answer = ask(caller(fetching_server, plan), url=origin.picture(jpeg), smart=False)

    assert answer.json()["success"] is True


def test_a_better_plan_lets_somebody_in(server: RunningServer) -> None:
    """SM-7, SM-9: and a lesser one keeps them out; the key stays the same."""

    async def make(database: Database) -> str:
        owner = await Accounts(database=database).create(email=EMAIL, plan="smolpix-free")
        return (await Keys(database=database).create(account=owner.id)).secret

    def move(plan: str) -> None:
        with_database(
            server, lambda database: Accounts(database=database).set_plan(name=EMAIL, plan=plan)
        )

    client = Client(base_url=server.base_url, key=with_database(server, make))
    statuses = [ask(client).status_code]
    for plan in ("smolpix-pro", "smolpix-free"):
        move(plan)
        statuses.append(ask(client).status_code)

    assert statuses == [403, 400, 403]


def test_the_month_ends_at_the_plans_limit(server: RunningServer) -> None:
    """SM-36, SM-40, SM-42, SM-44: the published example."""
    client = caller(server, "smolpix-pro")
    server.spend(client.key, 9_999)
    before = ask(client)
    server.spend(client.key, 1)
    after = ask(client)

    assert before.status_code == 400  # only because it names no URL
    assert after.status_code == 429
    assert after.json() == {
        "success": False,
        "error": "Monthly image limit reached",
        "code": "LIMIT_REACHED",
        "used": 10_000,
        "limit": 10_000,
    }
    assert 1 <= int(after.headers["Retry-After"]) <= 31 * 86_400


def test_agencies_have_no_limit_a_month(
    fetching_server: RunningServer, origin: Origin, jpeg: bytes
) -> None:
    """SM-43, SM-48."""
    client = caller(fetching_server, "smolpix-agency")
    fetching_server.spend(client.key, 1_000_000)
    plan = with_database(
        fetching_server, lambda database: Plans(database=database).find(name="smolpix-agency")
    )

    assert plan.monthly_requests is None
    assert ask(client, url=origin.picture(jpeg), smart=False).json()["success"] is True


@pytest.mark.parametrize(("plan", "limit"), [("smolpix-pro", 60), ("smolpix-agency", 120)])
def test_the_minute_ends_at_the_plans_limit(server: RunningServer, plan: str, limit: int) -> None:
    """SM-36, SM-40, SM-42, SM-43, SM-44, SM-46."""
    client = caller(server, plan)
    statuses = {ask(client).status_code for _ in range(limit)}
    answer = ask(client)

    assert statuses == {400}  # only because they name no URL
    assert answer.status_code == 429
    assert answer.json() == {
        "success": False,
        "error": "Rate limit exceeded",
        "code": "LIMIT_REACHED",
        "used": limit,
        "limit": limit,
    }
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_an_account_has_at_most_five_keys(server: RunningServer) -> None:
    """SM-3, SM-4, SM-5, SM-6, SM-8: each shown once; one that is revoked makes room."""

    async def make(database: Database) -> tuple[list[str], errors.Error, str]:
        keys = Keys(database=database)
        owner = await Accounts(database=database).create(email="sm5@x.org", plan="smolpix-pro")
        made = [await keys.create(account=owner.id) for _ in range(5)]
        with pytest.raises(errors.KeyLimitReached) as refused:
            await keys.create(account=owner.id)
        await keys.revoke(id_=made[0].key.id)
        made.append(await keys.create(account=owner.id))
        listed = await keys.all(account=owner.id)
        return [new.secret for new in made], refused.value, repr(listed)

    secrets, refusal, listed = with_database(server, make)
    response = DIALECT.refuse(refusal, Record(request_id="req_1", method="POST", path="/"))

    assert len(set(secrets)) == 6
    for secret in secrets:
        assert secret.startswith("pk_live_")
        assert len(secret) >= len("pk_live_") + 21
        assert secret not in listed
    assert response.status_code == 403
    assert json.loads(bytes(response.body))["code"] == "KEY_LIMIT_REACHED"


def test_at_most_five_keys_also_when_they_are_made_at_once(server: RunningServer) -> None:
    """SM-5."""

    async def make(database: Database) -> list[object]:
        owner = await Accounts(database=database).create(email="sm5b@x.org", plan="smolpix-pro")
        keys = Keys(database=database)
        return await asyncio.gather(
            *(keys.create(account=owner.id) for _ in range(8)), return_exceptions=True
        )

    made = with_database(server, make)

    assert sum(isinstance(each, errors.KeyLimitReached) for each in made) == 3
