"""GET /v1/usage of OptiPic."""

from datetime import UTC, datetime

import pytest

from pixmill import clock
from pixmill.dialects.optipic import DIALECT

from fixtures.servers import Client, RunningServer


@pytest.fixture
def free(server: RunningServer) -> Client:
    """Give somebody new on the free plan."""
    return Client(base_url=server.base_url, key=server.key("optipic-free"))


def test_a_new_key_has_used_nothing(free: Client) -> None:
    """OP-60, OP-61, OP-62, OP-63, OP-64, OP-83, OP-86."""
    now = datetime.now(UTC)
    answer = free.request("GET", "/v1/usage")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.text == (
        f'{{"period":"{now:%Y-%m}","requests":0,"limit":500,"remaining":500,'
        '"overage_requests":0,"overage_cost_usd":0,'
        f'"reset_at":"{clock.next_period(now):%Y-%m}-01T00:00:00.000Z"}}'
    )


def test_only_what_succeeds_is_counted(free: Client, jpeg: bytes) -> None:
    """OP-65, OP-66."""
    assert free.post("/v1/compress", jpeg).status_code == 200
    assert free.post("/v1/convert", jpeg, to="webp").status_code == 200
    assert free.post("/v1/resize", jpeg, width=10).status_code == 200
    assert free.post("/v1/compress", b"no image").status_code == 500
    assert free.post("/v1/compress", jpeg, quality=0).status_code == 400
    assert free.request("GET", "/v1/usage").status_code == 200
    usage = free.request("GET", "/v1/usage").json()

    assert (usage["requests"], usage["remaining"]) == (3, 497)


def test_each_key_is_counted_alone(server: RunningServer, free: Client, jpeg: bytes) -> None:
    """OP-60."""
    other = Client(base_url=server.base_url, key=server.key("optipic-free"))
    assert free.post("/v1/compress", jpeg).status_code == 200

    assert free.request("GET", "/v1/usage").json()["requests"] == 1
    assert other.request("GET", "/v1/usage").json()["requests"] == 0


def test_a_month_that_is_over_can_be_looked_at(server: RunningServer) -> None:
    """OP-62, OP-65: never 429, and nothing remains, not less."""
    key = server.key("optipic-free")
    server.spend(key, 505)
    answer = Client(base_url=server.base_url, key=key).request("GET", "/v1/usage")

    assert answer.status_code == 200
    assert (answer.json()["requests"], answer.json()["remaining"]) == (505, 0)


@pytest.mark.parametrize(
    ("requests", "overage", "cost"),
    [
        (312, 0, 0),
        (500, 0, 0),
        (501, 1, 0.009),
        (10_000, 9_500, 85.5),
        (10_001, 9_501, 85.502),
        (12_000, 11_500, 89.5),
    ],
)
def test_what_goes_beyond_has_its_price(
    server: RunningServer, requests: int, overage: int, cost: float
) -> None:
    """OP-63, OP-84, OP-85, OP-87, OP-88."""
    key = server.key("optipic-payg")
    server.spend(key, requests)
    usage = Client(base_url=server.base_url, key=key).request("GET", "/v1/usage").json()

    assert usage["requests"] == requests
    assert usage["limit"] == 500
    assert usage["remaining"] == max(0, 500 - requests)
    assert usage["overage_requests"] == overage
    assert usage["overage_cost_usd"] == cost


def test_no_limit_is_a_large_number(client: Client) -> None:
    """OP-67."""
    usage = client.request("GET", "/v1/usage").json()

    assert (usage["limit"], usage["remaining"]) == (2147483647, 2147483647)


def test_nothing_limits_requests_a_minute(free: Client) -> None:
    """OP-90."""
    assert {free.request("GET", "/v1/usage").status_code for _ in range(70)} == {200}


def test_there_is_what_version_1_has_and_no_more() -> None:
    """OP-1, OP-89."""
    assert [(operation.method, operation.path) for operation in DIALECT.operations] == [
        ("POST", "/v1/compress"),
        ("POST", "/v1/convert"),
        ("POST", "/v1/resize"),
        ("GET", "/v1/usage"),
    ]
