"""Picture Optimizer's credits: what there is, what it costs, and that it is taken once."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest

from dialects.picture_optimizer import (
    SESSIONS,
    analyze,
    balance,
    export,
    images,
    post,
    refused,
    someone,
    upload,
)
from pixmill.services.accounts import Accounts
from pixmill.services.credits import Credits
from pixmill.services.keys import Keys
from services.vision.server import Script

from fixtures.pictures import encode, photo
from fixtures.servers import Client, RunningServer, opened, run

CHECK = "/v1/credits/check"


@pytest.fixture
def small() -> bytes:
    return encode(photo(64, 48), "PNG")


def check(client: Client, action: str, count: object, **more: object) -> Any:
    return post(client, CHECK, {"action": action, "imageCount": count, **more})


def test_the_balance(server: RunningServer) -> None:
    """PO-85, PO-86, PO-96, PO-102."""
    client = someone(server, "picture-optimizer-free")
    for prefix in ("", "/image-forge-api"):
        body = client.request("GET", f"{prefix}/v1/credits/balance").json()
        assert set(body) == {"balance", "planName", "userId"}
        assert (body["balance"], body["planName"]) == (25, "Free")
        assert body["userId"].startswith("acc_")
    assert balance(someone(server, "picture-optimizer-agency")) == 20_000


def test_a_plan_without_credits(server: RunningServer, small: bytes) -> None:
    """PO-86: what is left of the month stands for them; without a limit, very much."""
    client = someone(server, "optimagio-free")
    endless = someone(server, "self-hosted")
    export(client, upload(client, [("a.png", small)]))
    export(endless, upload(endless, [("a.png", small)]))
    deducted = check(client, "export", 5, deduct=True).json()

    assert balance(client) == 99
    assert balance(endless) == 999_999_999
    assert deducted == {"sufficient": True, "balance": 99, "cost": 5, "remaining": 99}
    session = upload(client, [("a.png", small)] * 2)
    server.spend(client.key, 98)
    body = {"sessionId": session["sessionId"], "settings": {}}
    refused(post(client, "/v1/export", body), 402, "insufficient_credits")


@pytest.mark.parametrize(("action", "cost"), [("analyze", 7), ("export", 7), ("sample", 0)])
def test_a_check_says_what_it_would_cost(server: RunningServer, action: str, cost: int) -> None:
    """PO-87 to PO-90: and takes nothing unless it is told to."""
    client = someone(server, "picture-optimizer-free")
    asked = check(client, action, 7)
    taken = check(client, action, 7, deduct=True)
    body = taken.json()

    assert asked.status_code == taken.status_code == 200
    assert asked.json() == {"sufficient": True, "balance": 25, "cost": cost}
    assert (body["sufficient"], body["balance"], body["cost"]) == (True, 25, cost)
    assert body["remaining"] == balance(client) == 25 - cost
    assert ("deductionId" in body) == bool(cost)


@pytest.mark.parametrize("deduct", [False, True])
def test_a_check_that_is_not_covered(server: RunningServer, *, deduct: bool) -> None:
    """PO-11, PO-91, PO-92."""
    client = someone(server, "picture-optimizer-free")
    body = refused(check(client, "export", 26, deduct=deduct), 402, "insufficient_credits")

    assert body == {
        "sufficient": False,
        "balance": 25,
        "cost": 26,
        "error": "Insufficient credits. You have 25 but need 26.",
        "code": "insufficient_credits",
    }
    assert balance(client) == 25


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "steal", "imageCount": 1},
        {"action": ["export"], "imageCount": 1},
        {"action": "export"},
        *(
            {"action": "export", "imageCount": count}
            for count in (0, -1, 1.5, "1", True, None, 10**30, [1])
        ),
        {"action": "export", "imageCount": 1, "deduct": "perhaps"},
    ],
    ids=repr,
)
def test_a_check_that_makes_no_sense(server: RunningServer, body: object) -> None:
    """PO-100."""
    client = someone(server, "picture-optimizer-free")

    refused(post(client, CHECK, body), 400, "invalid_parameter")
    assert balance(client) == 25


def test_checks_at_once_cannot_overspend(server: RunningServer) -> None:
    """PO-98."""
    client = someone(server, "picture-optimizer-free")
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: check(client, "export", 10, deduct=True), range(8)))

    assert sorted(answer.status_code for answer in answers) == [200] * 2 + [402] * 6
    assert balance(client) == 5


def test_keys_of_an_account_share_its_credits(server: RunningServer) -> None:
    """PO-8."""
    client = someone(server)

    async def second() -> str:
        async with opened(server.database_url) as database:
            keys = Keys(database=database)
            account = (await keys.authenticate(presented=client.key)).account
            return (await keys.create(account=account.id)).secret

    other = Client(base_url=server.base_url, key=run(second()))
    check(client, "analyze", 10, deduct=True)

    assert balance(other) == balance(client) == 990


def test_a_deduction_pays_for_one_run(server: RunningServer, small: bytes) -> None:
    """PO-95, PO-99: without it a run is charged; with it, nothing more than it was for."""
    client = someone(server, "picture-optimizer-free")
    session = upload(client, [("a.png", small)] * 2)
    about = {"sessionId": session["sessionId"], "images": images(session), "settings": {}}
    paid = check(client, "export", 3, deduct=True).json()["deductionId"]
    assert balance(client) == 22
    export(client, session, deductionId=paid)
    assert balance(client) == 23  # of three, two were used
    body = refused(
        post(client, "/v1/export", {**about, "deductionId": paid}), 409, "deduction_used"
    )
    assert "used before" in body["error"]
    for unknown in ("ded_00000000000000000000", "x\x00", "é" * 300):
        answer = post(client, "/v1/export", {**about, "deductionId": unknown})
        refused(answer, 404, "deduction_not_found")
    other = check(someone(server), "export", 2, deduct=True).json()["deductionId"]
    answer = post(client, "/v1/export", {**about, "deductionId": other})
    refused(answer, 404, "deduction_not_found")
    assert balance(client) == 23
    export(client, session)
    assert balance(client) == 21


def test_a_pipeline_costs_two_an_image(
    seeing_server: RunningServer, eyes: Script, small: bytes
) -> None:
    """PO-28, PO-45, PO-48, PO-72, PO-80, PO-94, PO-97: and what is free is free."""
    del eyes
    client = someone(seeing_server, "picture-optimizer-free")
    session = upload(client, [("a.png", small)] * 3)
    root = f"{SESSIONS}/{session['sessionId']}"
    assert balance(client) == 25
    analyze(client, session)
    assert balance(client) == 22
    client.request("PATCH", f"{root}/images/img_001/metadata", json={"alt": "Mine."})
    client.request("GET", f"{root}/analysis")
    post(client, f"{root}/sample", {"settings": {}})
    assert balance(client) == 22
    export(client, session)
    client.request("GET", f"{root}/download")
    assert balance(client) == 19
    export(client, session)
    assert balance(client) == 16


def test_an_operator_gives_credits_back(server: RunningServer) -> None:
    """PO-93, PO-101."""
    client = someone(server, "picture-optimizer-free")
    paid = check(client, "export", 5, deduct=True).json()["deductionId"]

    async def refund() -> None:
        async with opened(server.database_url) as database:
            account = (await Keys(database=database).authenticate(presented=client.key)).account
            assert await Accounts(database=database).find(name=account.id)
            await Credits(database=database).refund(account=account.id, count=3, deduction_id=paid)

    run(refund())

    assert balance(client) == 23


def test_what_clients_need_to_know(server: RunningServer) -> None:
    """PO-14, PO-62 to PO-64, PO-71, PO-83, PO-89."""
    body = someone(server).request("GET", "/v1/constants").json()
    columns = ("jpeg", "webp", "avif", "png")

    assert {
        name: tuple(row[each] for each in columns) for name, row in body["presets"].items()
    } == {
        "maximum": (98, 98, 80, "lossless"),
        "very_high": (90, 90, 65, "lossless"),
        "high": (82, 82, 55, "lossless"),
        "medium": (75, 75, 45, "palette"),
        "low": (60, 60, 35, "palette"),
        "minimum": (35, 35, 20, "palette"),
    }
    sizes = body["bytesPerPixel"]
    assert sizes.keys() == body["presets"].keys()
    for better, worse in pairwise(body["presets"]):
        assert all(0 < sizes[worse][each] <= sizes[better][each] for each in columns)
    assert body["defaults"] == {"format": "webp", "preset": "high"}
    assert body["formats"] == ["webp", "avif", "jpeg", "png", "original"]
    assert [each["width"] for each in body["responsiveSizes"]] == [480, 768, 1024, 1440]
    assert body["credits"] == {"analyze": 1, "export": 1, "sample": 0}
    assert body["limits"]["imagesPerRequest"] == 100
    assert body["limits"]["metadata"]["alt"] == 125
    assert body["visionConfigured"] is False
