"""Stored results: who can have them, for how long, and that no sweep takes too much."""

import hashlib
import shutil
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from pixmill import errors
from pixmill.services.links import Links
from pixmill.services.results import Results, Retention, Stored, Swept
from pixmill.services.secret import Secret
from pixmill.stores.db import Database
from pixmill.stores.leases import leases
from pixmill.stores.objects import Objects
from pixmill.stores.results import SOURCE
from services import shelf
from services.desk import Clock, Desk

from fixtures.warm import forks

pytestmark = pytest.mark.anyio

RETENTION = Retention()
DAY = timedelta(days=1)
DATA = b"the bytes of a picture"
WORK = "0123"


class Room:
    """A shelf of results, the folder below it, and somebody whose they are."""

    def __init__(self, database: Database, folder: Path, clock: Clock, account_id: str) -> None:
        self.database = database
        self.folder = folder
        self.clock = clock
        self.account_id = account_id
        self.results = self.shelf(Objects(folder.as_uri()))

    def shelf(self, objects: Objects) -> Results:
        return Results(
            database=self.database,
            objects=objects,
            links=Links(Secret(shelf.SECRET), purpose="download", now=self.clock),
            retention=RETENTION,
            now=self.clock,
        )

    async def keep(self, data: bytes = DATA, **details: object) -> Stored:
        wanted: dict[str, object] = {"account_id": self.account_id, "cache_key": WORK} | details
        stored, _ = await self.results.keep(outcome=shelf.outcome(data), **wanted)  # type: ignore[arg-type] # a test's shorthand
        return stored

    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.glob("*/*"))

    async def rows(self) -> int:
        async with self.database.reading() as connection:
            count = sa.select(sa.func.count()).select_from(leases)
            return int((await connection.execute(count)).scalar_one())


@pytest.fixture
async def room(database: Database, tmp_path: Path, clock: Clock, desk: Desk) -> Room:
    caller = await desk.caller("self-hosted")
    return Room(database, tmp_path / "objects", clock, caller.account.id)


async def joined(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def test_what_is_kept_is_found_with_all_its_numbers(room: Room) -> None:
    stored = await room.keep(filename="My Photo.png")

    assert await room.results.find(id_=stored.id, account_id=room.account_id) == stored
    assert await room.results.recall(stored) == shelf.outcome(DATA)
    assert stored.filename == "My Photo.png"
    assert stored.size == len(DATA)
    assert stored.digest == hashlib.sha256(DATA).hexdigest()
    assert stored.created_at == room.clock.moment
    assert stored.expires_at == room.clock.moment + DAY
    assert not stored.committed


async def test_it_is_read_whole_and_in_part(room: Room) -> None:
    stored = await room.keep()

    assert await joined(await room.results.open(stored)) == DATA
    assert await joined(await room.results.open(stored, part=(4, 9))) == DATA[4:9]


async def test_somebody_else_s_result_is_not_found(room: Room, desk: Desk) -> None:
    stored = await room.keep()
    stranger = (await desk.caller("self-hosted")).account.id

    with pytest.raises(errors.NotFound):
        await room.results.find(id_=stored.id, account_id=stranger)
    with pytest.raises(errors.NotFound):
        await room.results.delete(id_=stored.id, account_id=stranger)
    assert await room.results.cached(account_id=stranger, cache_key=WORK) is None


async def test_what_was_never_kept_is_not_found(room: Room) -> None:
    with pytest.raises(errors.NotFound):
        await room.results.find(id_="no-such-id", account_id=room.account_id)
    with pytest.raises(errors.NotFound):
        await room.results.delete(id_="no-such-id", account_id=room.account_id)


async def test_ids_cannot_be_guessed(room: Room) -> None:
    ids = {(await room.keep()).id for _ in range(20)}

    assert len(ids) == 20
    assert all(id_[14] == "4" for id_ in ids)  # a UUID of random bits


async def test_the_newest_living_result_of_the_same_work_is_the_cached_one(room: Room) -> None:
    await room.keep(b"first")
    room.clock.advance(hours=1)
    second = await room.keep(b"second")
    await room.keep(b"other work", cache_key="4567")

    assert await room.results.cached(account_id=room.account_id, cache_key=WORK) == second

    room.clock.advance(days=1)
    assert await room.results.cached(account_id=room.account_id, cache_key=WORK) is None


async def test_a_cached_result_is_kept_again_with_a_life_of_its_own(room: Room) -> None:
    first = await room.keep(filename="a.png")
    room.clock.advance(hours=20)

    second = await room.results.again(stored=first, filename="b.png")

    assert second
    assert second.id != first.id
    assert (second.key, second.filename) == (first.key, "b.png")
    room.clock.advance(hours=20)
    await room.results.sweep()
    assert first.expired(room.clock.moment)
    assert (await room.results.recall(second)).data == DATA


async def test_what_is_given_up_is_not_kept_again(room: Room) -> None:
    stored = await room.keep()
    room.clock.advance(days=2)
    await room.results.sweep()

    assert await room.results.again(stored=stored) is None


async def test_an_expired_result_is_gone_and_its_numbers_are_not(room: Room) -> None:
    stored = await room.keep()
    room.clock.advance(days=1)

    for attempt in (room.results.open, room.results.recall, room.results.check):
        with pytest.raises(errors.ResultGone):
            await attempt(stored)
    room.clock.advance(hours=1)
    assert (await room.results.sweep()).files == 1
    assert room.files() == []

    found = await room.results.find(id_=stored.id, account_id=room.account_id)
    assert found == stored
    assert found.expired(room.clock.moment)


async def test_after_a_week_the_numbers_are_forgotten_too(room: Room) -> None:
    stored = await room.keep()
    room.clock.advance(days=8, seconds=1)

    assert (await room.results.sweep()).rows == 1
    with pytest.raises(errors.NotFound):
        await room.results.find(id_=stored.id, account_id=room.account_id)


async def test_a_living_result_is_not_swept(room: Room) -> None:
    stored = await room.keep()
    room.clock.advance(hours=23, minutes=59)

    assert await room.results.sweep() == Swept(files=0, rows=0, leftovers=0)
    assert (await room.results.recall(stored)).data == DATA


async def test_more_than_one_batch_is_swept(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixmill.services.results.BATCH", 3)
    for number in range(10):
        await room.keep(b"%d" % number)
    room.clock.advance(days=9)

    assert await room.results.sweep() == Swept(files=10, rows=10, leftovers=0)
    assert await room.rows() == 0


async def test_equal_bytes_are_one_file_that_stays_for_the_last_who_needs_it(
    room: Room, desk: Desk
) -> None:
    other = (await desk.caller("self-hosted")).account.id
    await room.keep()
    room.clock.advance(hours=12)
    second = await room.keep(account_id=other)
    assert len(room.files()) == 1

    room.clock.advance(hours=13)
    await room.results.sweep()
    assert (await room.results.recall(second)).data == DATA

    room.clock.advance(hours=13)
    await room.results.sweep()
    assert room.files() == []


async def test_a_committed_result_stays_until_it_is_deleted(room: Room) -> None:
    stored = await room.keep(committed=True)
    room.clock.advance(days=400)
    await room.results.sweep()
    assert stored.committed
    assert (await room.results.recall(stored)).data == DATA

    await room.results.delete(id_=stored.id, account_id=room.account_id)
    room.clock.advance(hours=1)
    await room.results.sweep()

    assert room.files() == []
    with pytest.raises(errors.NotFound):
        await room.results.find(id_=stored.id, account_id=room.account_id)


@pytest.mark.parametrize("committed", [True, False])
async def test_deleting_a_result_leaves_the_bytes_to_the_others(
    room: Room, *, committed: bool
) -> None:
    first = await room.keep(committed=True)
    second = await room.keep(committed=committed)
    await room.results.delete(id_=first.id, account_id=room.account_id)
    room.clock.advance(hours=23)
    await room.results.sweep()

    assert (await room.results.recall(second)).data == DATA

    room.clock.advance(hours=2)
    await room.results.sweep()
    assert bool(room.files()) is committed


async def test_a_link_opens_its_result_for_as_long_as_that_lives(room: Room) -> None:
    stored = await room.keep()
    token = room.results.link(stored)

    assert await room.results.linked(id_=stored.id, token=token) == stored

    room.clock.advance(days=1)
    with pytest.raises(errors.NotFound):
        await room.results.linked(id_=stored.id, token=token)


async def test_a_link_opens_no_other_result(room: Room) -> None:
    stored, other = await room.keep(), await room.keep(b"other")

    with pytest.raises(errors.NotFound):
        await room.results.linked(id_=other.id, token=room.results.link(stored))


async def test_no_link_opens_an_upload(room: Room) -> None:
    """Not even one that was made for it: what a photo says of its place is for nobody."""
    upload = await room.keep(cache_key=f"{SOURCE}1")
    result, token = await room.keep(), room.results.link(upload)

    with pytest.raises(errors.NotFound):
        await room.results.linked(id_=upload.id, token=token)
    with pytest.raises(errors.NotFound):
        await room.results.all_linked(
            tokens={result.id: room.results.link(result), upload.id: token}
        )
    assert await room.results.source(id_=upload.id) == upload
    with pytest.raises(errors.NotFound):
        await room.results.source(id_=result.id)


async def test_a_link_to_a_committed_result_works_until_it_is_deleted(room: Room) -> None:
    stored = await room.keep(committed=True)
    token = room.results.link(stored)
    room.clock.advance(days=400)
    assert await room.results.linked(id_=stored.id, token=token) == stored

    await room.results.delete(id_=stored.id, account_id=room.account_id)
    with pytest.raises(errors.NotFound):
        await room.results.linked(id_=stored.id, token=token)


async def test_a_file_that_was_lost_is_gone_and_keeping_it_again_mends_it(room: Room) -> None:
    stored = await room.keep()
    (room.folder / stored.key).write_bytes(b"")  # what a power failure leaves

    for attempt in (room.results.open, room.results.recall, room.results.check):
        with pytest.raises(errors.ResultGone):
            await attempt(stored)

    await room.keep()
    assert (await room.results.recall(stored)).data == DATA


async def test_what_cannot_be_stored_is_not_found(room: Room) -> None:
    shutil.rmtree(room.folder)
    room.folder.touch()  # a store that cannot be written
    with pytest.raises(errors.Unavailable):
        await room.keep()
    assert await room.results.cached(account_id=room.account_id, cache_key=WORK) is None

    room.folder.unlink()
    room.clock.advance(hours=1)
    await room.results.sweep()
    assert await room.rows() == 0


async def test_a_sweep_that_dies_is_finished_by_the_next(room: Room) -> None:
    await room.keep()
    room.clock.advance(days=2)
    aside = room.folder.with_name("aside")
    room.folder.rename(aside)
    room.folder.touch()
    with pytest.raises(errors.Unavailable):
        await room.results.sweep()

    room.folder.unlink()
    aside.rename(room.folder)
    again = await room.keep()
    assert (await room.results.sweep()).files == 1

    assert room.files() == [again.key]
    assert await room.rows() == 1


class SlowObjects(Objects):
    """A store so slow that a sweep comes while it writes, or just before or after."""

    def __init__(self, room: Room, *, late: bool) -> None:
        super().__init__(room.folder.as_uri())
        self._room = room
        self._late = late
        self.writes = 0

    async def put(self, key: str, data: bytes) -> None:
        self.writes += 1
        if self.writes == 1 and self._late:
            await self._sweep()
        await super().put(key, data)
        if self.writes == 1 and not self._late:
            await self._sweep()

    async def _sweep(self) -> None:
        self._room.clock.advance(hours=1)
        assert (await self._room.results.sweep()).files == 1


@pytest.mark.parametrize("late", [True, False])
async def test_a_writer_who_is_overtaken_by_a_sweep_begins_anew(room: Room, *, late: bool) -> None:
    objects = SlowObjects(room, late=late)
    stored, repeated = await room.shelf(objects).keep(
        account_id=room.account_id, cache_key=WORK, outcome=shelf.outcome(DATA)
    )

    assert (objects.writes, repeated) == (2, False)
    assert (await room.results.recall(stored)).data == DATA
    assert room.files() == [stored.key]
    assert stored.expires_at == room.clock.moment + DAY


class WatchedObjects(Objects):
    """A store in which somebody wants a file at the moment in which it is deleted."""

    def __init__(self, room: Room, stored: Stored) -> None:
        super().__init__(room.folder.as_uri())
        self._room = room
        self._stored = stored

    async def delete(self, keys: Iterable[str]) -> None:
        self.same = await self._room.results.again(stored=self._stored)
        self.anew = await self._room.keep()
        await super().delete(keys)


async def test_a_file_that_is_being_deleted_is_made_anew_elsewhere(room: Room) -> None:
    stored = await room.keep()
    room.clock.advance(days=2)
    objects = WatchedObjects(room, stored)

    assert (await room.shelf(objects).sweep()).files == 1

    assert objects.same is None
    assert objects.anew.key != stored.key
    assert (await room.results.recall(objects.anew)).data == DATA
    assert room.files() == [objects.anew.key]


async def test_what_a_dead_writer_began_is_removed_now_and_then(room: Room) -> None:
    room.folder.joinpath("ab").mkdir()
    begun = room.folder / "ab" / "cd#1"

    begun.touch()
    room.clock.moment += timedelta(days=3650)  # the file is of today
    assert (await room.results.sweep()).leftovers == 1

    begun.touch()
    assert (await room.results.sweep()).leftovers == 0
    room.clock.advance(hours=2)
    assert (await room.results.sweep()).leftovers == 1


async def test_nothing_is_lost_when_many_keep_and_sweep_the_same_at_once(
    room: Room, database_url: str
) -> None:
    server = forks()
    url = room.folder.as_uri()
    work = [(shelf.keep_and_read, room.account_id)] * 2 + [(shelf.sweep,)] * 2
    ends, processes = [], []
    for target, *details in work:
        here, there = server.Pipe()
        process = server.Process(target=target, args=[there, database_url, url, *details])
        process.start()
        ends.append(here)
        processes.append(process)
    reads, wrong = zip(*(end.recv() for end in ends[:2]), strict=True)
    for end in ends[2:]:
        end.send("stop")
    files = sum(end.recv() for end in ends[2:])
    for process in processes:
        process.join()

    assert wrong == ([], [])
    assert sum(reads) > 50
    assert files > 0, "no file was given up and made anew"
    room.clock.moment += timedelta(days=3650)
    await room.results.sweep()
    assert room.files() == []
    assert await room.rows() == 0


async def test_a_result_can_have_a_shorter_life_than_others(room: Room) -> None:
    hour = timedelta(hours=1)
    stored = await room.keep(lifetime=hour)
    again = await room.results.again(stored=stored, lifetime=hour)
    longer = await room.keep(lifetime=7 * DAY)

    assert again is not None
    assert stored.expires_at == again.expires_at == room.clock() + hour
    assert longer.expires_at == room.clock() + RETENTION.ttl


async def test_many_results_are_had_only_with_the_tokens_of_all(room: Room) -> None:
    stored = [await room.keep(bytes([number])) for number in range(3)]
    tokens = {each.id: room.results.link(each) for each in reversed(stored)}
    assert await room.results.all_linked(tokens=tokens) == stored[::-1]
    with pytest.raises(errors.NotFound):
        await room.results.all_linked(tokens={**tokens, stored[0].id: tokens[stored[1].id]})
    await room.results.delete(id_=stored[0].id, account_id=room.account_id)
    with pytest.raises(errors.NotFound):
        await room.results.all_linked(tokens=tokens)
    del tokens[stored[0].id]
    for path in room.folder.glob("*/*"):
        path.unlink()

    with pytest.raises(errors.ResultsGone) as gone:
        await room.results.all_linked(tokens=tokens)
    assert set(gone.value.missing) == set(tokens)
