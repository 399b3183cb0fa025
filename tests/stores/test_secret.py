"""The secret of an installation."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pixmill import errors
from pixmill.stores import secret


def test_it_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "secret.key"

    made = secret.load_or_make(path)

    assert len(made) == secret.SIZE
    assert secret.load_or_make(path) == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_two_installations_have_two(tmp_path: Path) -> None:
    assert secret.load_or_make(tmp_path / "a") != secret.load_or_make(tmp_path / "b")


def test_many_who_make_it_at_once_get_the_same(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    with ThreadPoolExecutor(16) as pool:
        made = set(pool.map(secret.load_or_make, [path] * 64))

    assert len(made) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_one_that_could_be_guessed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.write_bytes(b"short")

    with pytest.raises(errors.Internal, match="damaged"):
        secret.load_or_make(path)


def test_one_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.Internal, match="cannot be read"):
        secret.load_or_make(tmp_path)
