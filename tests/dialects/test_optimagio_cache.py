"""What Optimagio says of work that was done before: it is not charged, but counted."""

from collections.abc import Mapping

import pytest
import requests

from dialects.optimagio import check, optimize, result
from pixmill import clock
from pixmill.services.keys import Keys
from pixmill.stores import usage
from pixmill.stores.usage import Usage

from fixtures.pictures import encode, photo
from fixtures.servers import Client, RunningServer, opened, run


@pytest.fixture
def owner(server: RunningServer) -> Client:
    """Give somebody for whom nothing was done yet, on a plan of a hundred images."""
    return Client(base_url=server.base_url, key=server.key("optimagio-free"))


def used(server: RunningServer, key: str) -> list[Usage]:
    """Return what was counted this month: for the key, and for its account."""

    async def read() -> list[Usage]:
        async with opened(server.database_url) as database:
            caller = await Keys(database=database).authenticate(presented=key)
            async with database.reading() as connection:
                return [
                    await usage.find(connection, subject=subject, period=clock.period(clock.now()))
                    for subject in (caller.key.id, caller.account.id)
                ]

    return run(read())


def test_a_repeat_comes_from_the_cache(owner: Client, jpeg: bytes) -> None:
    """OG-24: the same answer, at an address of its own."""
    first = optimize(owner, jpeg, format="webp", width=100)
    second = optimize(owner, jpeg, format="webp", width=100)
    one, two = first.json(), second.json()

    assert (one.pop("cached"), two.pop("cached")) == (False, True)
    assert one.pop("optimized_url") != two.pop("optimized_url")
    assert one | {"expires_at": ""} == two | {"expires_at": ""}
    assert result(first) == result(second)


def test_a_repeat_costs_no_quota_and_is_counted(
    server: RunningServer, owner: Client, jpeg: bytes
) -> None:
    """OG-25, OG-26: for the key and for its account."""
    size = optimize(owner, jpeg, quality=60).json()["optimized_size"]
    for _ in range(3):
        assert optimize(owner, jpeg, quality=60).json()["cached"]

    for counted in used(server, owner.key):
        assert (counted.requests, counted.taken, counted.cached) == (1, 1, 3)
        assert (counted.bytes_in, counted.bytes_out) == (4 * len(jpeg), 4 * size)


def test_a_repeat_is_answered_when_the_month_is_used_up(
    server: RunningServer, owner: Client, jpeg: bytes
) -> None:
    """OG-25, OG-81, OG-86."""
    optimize(owner, jpeg, quality=60)
    server.spend(owner.key, 99)
    body = check(optimize(owner, jpeg, quality=61), 429, "quota_exceeded")

    assert optimize(owner, jpeg, quality=60).json()["cached"]
    assert (body["limit"], body["used"]) == (100, 100)
    assert body["details"] == {name: body[name] for name in ("limit", "used", "reset_at")}


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ({}, {"compression": "high"}, True),
        ({"format": "jpg"}, {"format": "JPEG", "keep_exif": "no"}, True),
        ({"width": "100", "quality": 70}, {"quality": "70", "max_width": 100}, True),
        ({"format": "auto", "accept": "webp,jpeg"}, {"format": "AUTO", "accept": "jpg,webp"}, True),
        ({}, {"compression": "low"}, False),
        ({"quality": 70}, {"quality": 71}, False),
        ({}, {"keep_exif": "true"}, False),
        ({"width": 100}, {"height": 75}, False),
    ],
)  # fmt: skip
def test_the_same_is_what_means_the_same(
    owner: Client,
    one: Mapping[str, object],
    two: Mapping[str, object],
    *,
    same: bool,
) -> None:
    """OG-40."""
    upload = encode(photo(120, 90), "JPEG")
    optimize(owner, upload, **one)

    assert optimize(owner, upload, **two).json()["cached"] is same


def test_no_two_accounts_share_a_cache(server: RunningServer, owner: Client, jpeg: bytes) -> None:
    """OG-40."""
    other = Client(base_url=server.base_url, key=server.key())
    optimize(owner, jpeg, quality=60)

    assert not optimize(other, jpeg, quality=60).json()["cached"]


def test_a_failure_is_neither_charged_nor_kept(
    server: RunningServer, owner: Client, jpeg: bytes
) -> None:
    """OG-25."""
    for _ in range(2):
        check(optimize(owner, jpeg[: len(jpeg) // 2], quality=60), 422, "decode_failed")

    assert [counted.requests + counted.taken for counted in used(server, owner.key)] == [0, 0]


def test_a_result_is_kept_for_good_only_if_it_is_committed(owner: Client, jpeg: bytes) -> None:
    """OG-21: a repeat may commit what was done before."""
    for fields in ({}, {"storage_commit": "false"}):
        assert optimize(owner, jpeg, quality=60, **fields).json()["expires_at"]
    answer = optimize(owner, jpeg, quality=60, storage_commit="true")
    download = requests.get(answer.json()["optimized_url"], timeout=10)

    assert answer.json()["cached"]
    assert answer.json()["expires_at"] is None
    assert download.status_code == 200
