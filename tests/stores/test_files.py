"""Files of a local store, read in pieces."""

import contextlib
import os
from pathlib import Path

import psutil
import pytest

from pixmill import errors
from pixmill.stores.files import PIECE_SIZE, open_file

pytestmark = pytest.mark.anyio

DATA = os.urandom(3 * PIECE_SIZE + 17)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    return path


def descriptors() -> int:
    return psutil.Process().num_fds()


def size_of(path: Path) -> int:
    return path.stat().st_size


async def test_no_descriptor_is_left_however_much_is_read(path: Path) -> None:
    with pytest.raises(errors.ResultGone):
        await open_file(str(path), size=1)  # the first use of a thread opens some
    before = descriptors()
    for count in (1, 2, 4):
        async with contextlib.aclosing(await open_file(str(path), size=len(DATA))) as pieces:
            assert sum([len(await anext(pieces)) for _ in range(count)]) <= len(DATA)
    await open_file(str(path), size=len(DATA))  # and nobody takes a piece
    with pytest.raises(errors.ResultGone):
        await open_file(str(path), size=len(DATA) - 1)
    with pytest.raises(FileNotFoundError):
        await open_file(f"{path}.gone", size=1)

    assert descriptors() == before


async def test_a_file_that_is_cut_off_while_it_is_read_is_not_taken_for_whole(path: Path) -> None:
    pieces = await open_file(str(path), size=len(DATA))
    await anext(pieces)
    os.truncate(path, PIECE_SIZE)

    with pytest.raises(errors.ResultGone):
        await anext(pieces)


async def test_a_folder_or_an_empty_file_is_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    assert [piece async for piece in await open_file(str(tmp_path / "empty"), size=0)] == []
    with pytest.raises(errors.ResultGone):
        await open_file(str(tmp_path), size=size_of(tmp_path))
