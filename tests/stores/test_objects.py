"""Stored bytes, on local disk and in S3."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixmill import errors
from pixmill.stores.objects import CHUNK_SIZE, Objects, S3Access
from stores import writers

pytestmark = pytest.mark.anyio

KEY = "ab/abcdef.0123"
LARGE = os.urandom(3 * CHUNK_SIZE + 17)


def at(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "disk":
        return Objects((tmp_path / "objects").as_uri())
    return Objects(f"s3://results/{tmp_path.name}", access=request.getfixturevalue(request.param))


@pytest.fixture(params=["disk", "rclone", "moto"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    return at(request, tmp_path)


@pytest.fixture(params=["disk", "moto"])
def ranged(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    return at(request, tmp_path)


async def joined(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


async def test_what_is_stored_comes_back(objects: Objects) -> None:
    await objects.put(KEY, LARGE)

    assert await objects.read(KEY) == LARGE
    assert await objects.size(KEY) == len(LARGE)
    assert await joined(await objects.open(KEY, size=len(LARGE))) == LARGE


async def test_a_large_file_comes_in_pieces(objects: Objects) -> None:
    await objects.put(KEY, LARGE)

    sizes = [len(piece) async for piece in await objects.open(KEY, size=len(LARGE))]

    assert len(sizes) > 1
    assert max(sizes) < len(LARGE)


async def test_storing_again_replaces(objects: Objects) -> None:
    await objects.put(KEY, b"cut off")
    await objects.put(KEY, LARGE)

    assert await objects.read(KEY) == LARGE


async def test_what_is_not_there_is_gone_before_the_first_piece(objects: Objects) -> None:
    with pytest.raises(errors.ResultGone):
        await objects.open(KEY, size=1)
    with pytest.raises(errors.ResultGone):
        await objects.read(KEY)
    assert await objects.size(KEY) is None


async def test_a_file_of_another_size_counts_as_gone(objects: Objects) -> None:
    await objects.put(KEY, LARGE[:-1])

    with pytest.raises(errors.ResultGone):
        await objects.open(KEY, size=len(LARGE))


async def test_what_is_missing_among_many_is_found(objects: Objects) -> None:  # OG-71
    sizes = {f"{n:02x}/{n}": n + 1 for n in range(100)}
    await asyncio.gather(*(objects.put(key, bytes(size)) for key, size in sizes.items()))
    await objects.delete(["05/5", "09/9"])
    await objects.put("07/7", b"cut off")

    assert await objects.missing(sizes.items()) == {"05/5", "09/9", "07/7"}
    assert await objects.missing([("01/1", 2), ("no/such", 0), ("02/2", 3)]) == {"no/such"}
    assert await objects.missing([]) == set()


async def test_a_folder_is_no_file(tmp_path: Path) -> None:
    objects = Objects(tmp_path.as_uri())
    await objects.put(KEY, b"x")
    size = (tmp_path / "ab").stat().st_size

    assert await objects.missing([("ab", size), (f"{KEY}/deeper", 1)]) == {"ab", f"{KEY}/deeper"}


async def test_a_store_that_cannot_be_asked_misses_nothing() -> None:
    nowhere = S3Access(
        endpoint="http://127.0.0.1:9", region="x", access_key_id="x", secret_access_key="y"
    )
    with pytest.raises(errors.Unavailable):
        await Objects("s3://results", access=nowhere).missing([(KEY, 1)])


async def test_what_is_deleted_is_gone_and_can_be_deleted_again(objects: Objects) -> None:
    await objects.put(KEY, b"x")
    await objects.put("cd/other", b"y")

    await objects.delete(["no/such", KEY])
    await objects.delete([KEY])

    assert await objects.size(KEY) is None
    assert await objects.read("cd/other") == b"y"


@pytest.mark.parametrize(
    "part",
    [(0, 1), (5, 6), (0, len(LARGE)), (len(LARGE) - 1, len(LARGE)), (100, CHUNK_SIZE * 2 + 3)],
)
async def test_a_part_is_that_part(ranged: Objects, part: tuple[int, int]) -> None:
    await ranged.put(KEY, LARGE)

    assert await joined(await ranged.open(KEY, size=len(LARGE), part=part)) == LARGE[slice(*part)]


@given(part=st.tuples(st.integers(0, 999), st.integers(1, 1000)).filter(lambda p: p[0] < p[1]))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_part_is_that_part(tmp_path: Path, part: tuple[int, int]) -> None:
    objects = Objects(tmp_path.as_uri())
    data = LARGE[:1000]
    await objects.put(KEY, data)

    assert await joined(await objects.open(KEY, size=1000, part=part)) == data[slice(*part)]


async def test_a_file_being_replaced_is_always_whole(
    objects: Objects, request: pytest.FixtureRequest
) -> None:
    """Also with rclone, which may have none for a moment: it is not atomic as S3 is."""
    gap = errors.ResultGone if "rclone" in request.node.name else ()
    await objects.put(KEY, LARGE)

    async def write() -> None:
        for _ in range(10):
            await objects.put(KEY, LARGE)

    writing = asyncio.gather(write(), write())
    reads = 0
    while not writing.done():
        with suppress(gap):
            assert await objects.read(KEY) == LARGE
            reads += 1
    await writing

    assert reads


async def test_a_reader_of_a_deleted_file_gets_all_of_it(tmp_path: Path) -> None:
    objects = Objects(tmp_path.as_uri())
    await objects.put(KEY, LARGE)
    pieces = await objects.open(KEY, size=len(LARGE))
    first = await anext(pieces)
    await objects.delete([KEY])

    assert first + await joined(pieces) == LARGE


async def test_a_wrong_secret_opens_nothing(rclone: S3Access) -> None:
    objects = Objects("s3://results", access=replace(rclone, secret_access_key="wrong"))

    for attempt in (objects.put(KEY, b"x"), objects.read(KEY), objects.size(KEY)):
        with pytest.raises(errors.Unavailable):
            await attempt


async def test_the_secret_is_not_shown(rclone: S3Access) -> None:
    assert rclone.secret_access_key not in repr(rclone)


async def test_a_bucket_that_is_not_there_is_the_store_s_fault(moto: S3Access) -> None:
    with pytest.raises(errors.Unavailable):
        await Objects("s3://no-such-bucket", access=moto).put(KEY, b"x")


async def test_an_error_names_no_address_to_the_caller() -> None:
    nowhere = S3Access(
        endpoint="http://127.0.0.1:9", region="x", access_key_id="x", secret_access_key="y"
    )
    objects = Objects("s3://results", access=nowhere)

    with pytest.raises(errors.Unavailable) as failure:
        await objects.put(KEY, b"x")

    assert "127.0.0.1" not in str(failure.value)
    assert "127.0.0.1:9" in failure.value.detail


@pytest.mark.parametrize(
    "url", ["", "/srv/objects", "file://host/srv", "file:relative", "s3://", "gs://bucket", "ftp:"]
)
def test_an_url_that_means_no_store_is_refused(url: str) -> None:
    with pytest.raises(errors.Internal, match="PIXMILL_STORAGE_URL"):
        Objects(url)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(errors.Internal, match="PIXMILL_STORAGE_URL"):
        Objects((tmp_path / "file" / "objects").as_uri())


async def test_a_folder_may_be_called_anything_and_is_its_owner_s(tmp_path: Path) -> None:
    folder = tmp_path / "a 100% #? öäü"
    await Objects(folder.as_uri()).put(KEY, b"x")

    assert (folder / KEY).read_bytes() == b"x"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_full_disk_is_said_leaves_nothing_and_recovers(tmp_path: Path) -> None:
    alone = ["unshare", "--mount"]
    if os.geteuid():
        alone += ["--user", "--map-root-user"]
    if subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        alone = []
    command = [*alone, sys.executable, writers.__file__, "full", str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)

    assert json.loads(done.stdout) == {
        "said": str(errors.StorageFull()),
        "left": ["first"],
        "second": 1000,
    }


async def test_a_writer_who_is_killed_leaves_only_whole_files(tmp_path: Path) -> None:
    objects = Objects(tmp_path.as_uri())
    leftovers = 0
    for attempt in range(40):
        process = await asyncio.create_subprocess_exec(
            sys.executable, writers.__file__, "endless", str(tmp_path), stdout=subprocess.PIPE
        )
        assert process.stdout
        await process.stdout.readline()
        await asyncio.sleep(0.003 * (attempt % 7))
        process.kill()
        await process.communicate()
        for path in (tmp_path / "aa").iterdir():
            number = path.name
            if number.isdigit():
                data = await objects.read(f"aa/{number}")
                assert data == bytes([int(number) % 256]) * writers.SIZE
                path.unlink()
        leftovers += await objects.tidy(before=datetime.now(UTC) + timedelta(seconds=1))
        assert list((tmp_path / "aa").iterdir()) == []
        if leftovers and attempt >= 2:
            break

    assert leftovers, "no writer was killed in the middle"


async def test_tidying_leaves_alone_what_is_whole_or_young(tmp_path: Path) -> None:
    objects = Objects(tmp_path.as_uri())
    await objects.put(KEY, b"x")
    (tmp_path / "ab" / "young#1").touch()
    (tmp_path / "ab" / "old#1").touch()
    os.utime(tmp_path / "ab" / "old#1", (0, 0))
    os.utime(tmp_path / KEY, (0, 0))

    assert await objects.tidy(before=datetime.now(UTC) - timedelta(hours=1)) == 1
    assert sorted(path.name for path in (tmp_path / "ab").iterdir()) == [
        "abcdef.0123",
        "young#1",
    ]


async def test_there_is_nothing_to_tidy_in_a_bucket(moto: S3Access) -> None:
    objects = Objects("s3://results/tidy", access=moto)
    await objects.put("ab/x#1", b"x")

    assert await objects.tidy(before=datetime.now(UTC) + timedelta(days=1)) == 0
    assert await objects.read("ab/x#1") == b"x"
