"""What equal work is, and who does it."""

import asyncio
import hashlib
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixmill import errors
from pixmill.engine import codecs
from pixmill.engine.types import AUTO, Options
from pixmill.services.cache import SingleFlight, cache_key, digest_of, engine_version
from pixmill.services.pool.blob import Blob

pytestmark = pytest.mark.anyio

#: For each option a value that is not its default.
OTHERS: dict[str, object] = {
    "format": "webp",
    "accept": ("webp",),
    "keeps": ("png",),
    "quality": 81,
    "smart": True,
    "target": 75.0,
    "mode": "size",
    "max_bytes": 1000,
    "lossless": True,
    "metadata": "keep",
    "width": 100,
    "height": 100,
    "fit": "exact",
    "enlarge": True,
    "background": (0, 0, 0),
    "fill": True,
}


def key(options: Options | None = None, *, digest: str = "d", engine: str = "e") -> str:
    return cache_key(digest=digest, options=options or Options(), engine=engine)


def test_every_option_is_tried_here() -> None:
    assert set(OTHERS) == {field.name for field in fields(Options)}


@pytest.mark.parametrize("name", OTHERS)
def test_other_options_are_other_work(name: str) -> None:
    before = Options() if name in {"format", "keeps"} else Options(format=AUTO)

    assert key(replace(before, **{name: OTHERS[name]})) != key(before)


def test_another_image_or_engine_is_other_work() -> None:
    assert len({key(), key(digest="D"), key(engine="E"), key(digest="e", engine="d")}) == 4


def test_defaults_that_are_sent_are_the_same_work() -> None:
    assert key(Options(quality=80, metadata="strip")) == key()


@given(st.permutations(["webp", "avif", "jpeg"]))
def test_the_order_of_accepted_formats_says_nothing(accept: list[str]) -> None:
    shuffled = Options(format=AUTO, accept=(*accept, accept[0]))

    assert key(shuffled) == key(Options(format=AUTO, accept=("avif", "jpeg", "webp")))


def test_accepted_formats_say_nothing_when_one_is_asked_for() -> None:
    assert key(Options(format="png", accept=("webp",))) == key(Options(format="png"))


def test_a_whole_number_is_the_same_target() -> None:
    assert key(Options(target=75)) == key(Options(target=75.0))


def test_the_digest_is_that_of_the_bytes() -> None:
    with Blob.of(b"bytes") as blob, Blob.of(b"") as empty:
        assert digest_of(blob) == hashlib.sha256(b"bytes").hexdigest()
        assert digest_of(empty) == hashlib.sha256(b"").hexdigest()


def test_another_codec_version_is_another_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    before = engine_version()
    assert engine_version() == before

    newer = {
        name: replace(codec, version=f"{codec.version}+") if name == "png" else codec
        for name, codec in codecs.all_codecs().items()
    }
    monkeypatch.setattr(codecs, "all_codecs", lambda: newer)

    assert engine_version.__wrapped__() != before


class Work:
    """Work that ends when it is told to."""

    def __init__(self) -> None:
        self.begun = 0
        self.canceled = 0
        self.end = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> str:
        self.begun += 1
        try:
            await self.end.wait()
        except asyncio.CancelledError:
            self.canceled += 1
            await asyncio.sleep(0)  # what it holds is given back
            raise
        if self.error:
            raise self.error
        return f"result {self.begun}"


@pytest.fixture
def work() -> Work:
    return Work()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_two_who_ask_at_once_share_the_work(work: Work) -> None:
    flights = SingleFlight[str]()
    asking = [asyncio.create_task(flights.run("a", work)) for _ in range(3)]
    await settled()
    work.end.set()

    assert await asyncio.gather(*asking) == [
        ("result 1", True),
        ("result 1", False),
        ("result 1", False),
    ]
    assert work.begun == 1


async def test_who_asks_later_begins_anew(work: Work) -> None:
    flights = SingleFlight[str]()
    work.end.set()

    assert await flights.run("a", work) == ("result 1", True)
    assert await flights.run("a", work) == ("result 2", True)


async def test_other_work_is_not_shared(work: Work) -> None:
    flights = SingleFlight[str]()
    asking = [asyncio.create_task(flights.run(name, work)) for name in "ab"]
    await settled()
    work.end.set()
    await asyncio.gather(*asking)

    assert work.begun == 2


async def test_the_work_goes_on_for_the_others_when_the_first_one_leaves(work: Work) -> None:
    flights = SingleFlight[str]()
    first, second, third = (asyncio.create_task(flights.run("a", work)) for _ in range(3))
    await settled()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    work.end.set()

    assert await second == ("result 1", True)  # it was done for somebody
    assert await third == ("result 1", False)
    assert (work.begun, work.canceled) == (1, 0)


async def test_the_work_ends_when_the_last_one_leaves(work: Work) -> None:
    flights = SingleFlight[str]()
    asking = [asyncio.create_task(flights.run("a", work)) for _ in range(2)]
    await settled()
    for task in asking:
        task.cancel()
    await asyncio.wait(asking)

    assert all(task.cancelled() for task in asking)
    assert work.canceled == 1


async def test_nobody_joins_work_that_is_being_canceled(work: Work) -> None:
    flights = SingleFlight[str]()
    first = asyncio.create_task(flights.run("a", work))
    await settled()
    first.cancel()
    await asyncio.sleep(0)
    second = asyncio.create_task(flights.run("a", work))
    await asyncio.wait([first])
    work.end.set()

    assert await second == ("result 2", True)


async def test_a_failure_is_everybody_s_and_is_not_remembered(work: Work) -> None:
    flights = SingleFlight[str]()
    work.error = errors.TooCostly()
    asking = [asyncio.create_task(flights.run("a", work)) for _ in range(2)]
    await settled()
    work.end.set()
    for task in asking:
        with pytest.raises(errors.TooCostly):
            await task

    work.error = None
    assert await flights.run("a", work) == ("result 2", True)


async def test_nothing_is_left_behind(work: Work) -> None:
    flights = SingleFlight[str]()
    work.end.set()
    for number in range(10):
        await flights.run(str(number), work)

    assert flights._flights == {}
