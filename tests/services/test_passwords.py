"""Passwords: which are taken, and how they are recognized."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace

import argon2
import pytest

from pixmill import errors
from pixmill.services.passwords import (
    AT_ONCE,
    COMMON,
    LONGEST,
    SHORTEST,
    WAITING,
    Passwords,
)

from fixtures.passwords import CHEAP

pytestmark = pytest.mark.anyio

EMAIL = "ada.lovelace@example.com"


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    passwords = Passwords(parameters=CHEAP)
    yield passwords
    passwords.close()


async def test_a_password_is_recognized_and_no_other(passwords: Passwords) -> None:
    hashed = await passwords.hash(password="correct horse battery", email=EMAIL)

    assert await passwords.verify(password="correct horse battery", hashed=hashed)
    assert not await passwords.verify(password="correct horse batterx", hashed=hashed)
    assert not await passwords.verify(password="", hashed=hashed)
    assert "horse" not in hashed


async def test_two_hashes_of_one_password_differ(passwords: Passwords) -> None:
    one, other = [await passwords.hash(password="correct horse", email=EMAIL) for _ in range(2)]

    assert one != other


async def test_hashes_are_argon2id_with_64_mib() -> None:
    passwords = Passwords()
    hashed = await passwords.hash(password="correct horse", email=EMAIL)

    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert await passwords.renewed(password="correct horse", hashed=hashed) is None
    passwords.close()


async def test_without_a_hash_no_password_is_right_and_as_much_work_is_done(
    passwords: Passwords,
) -> None:
    assert not await passwords.verify(password="correct horse", hashed=None)
    assert not await passwords.verify(password="", hashed=None)
    # The same parameters are the same work; argon2 takes the stand-in for a hash like any other.
    assert argon2.extract_parameters(passwords._nobody) == CHEAP
    with pytest.raises(argon2.exceptions.VerifyMismatchError):
        argon2.PasswordHasher().verify(passwords._nobody, "correct horse")


async def test_a_damaged_hash_is_no_password(passwords: Passwords) -> None:
    assert not await passwords.verify(password="correct horse", hashed="$argon2id$broken")


async def test_it_does_not_matter_how_a_letter_was_typed(passwords: Passwords) -> None:
    hashed = await passwords.hash(password="caf\u00e9 au lait", email=EMAIL)

    assert await passwords.verify(password="cafe\u0301 au lait", hashed=hashed)


async def test_a_hash_of_other_parameters_is_renewed(passwords: Passwords) -> None:
    older = Passwords(parameters=replace(CHEAP, memory_cost=32))
    hashed = await older.hash(password="correct horse", email=EMAIL)
    older.close()

    renewed = await passwords.renewed(password="correct horse", hashed=hashed)

    assert renewed is not None
    assert await passwords.verify(password="correct horse", hashed=renewed)
    assert await passwords.renewed(password="correct horse", hashed=renewed) is None


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", "at least 10 characters"),
        ("x4f9" * 2, "at least 10 characters"),
        ("ab" * LONGEST, "at most 128 characters"),
        ("a" * 100_000, "at most 128 characters"),
        ("ﷺ" * 20, "at most 128 characters"),  # 18 letters each in NFKC
        ("Ada.Lovelace@Example.com", "not the e-mail address"),
        ("ADA.LOVELACE", "not the e-mail address"),
        ("Password123", "first that anybody tries"),
        ("aaaaaaaaaaaaa", "first that anybody tries"),
        ("AaAaAaAaAaAa", "first that anybody tries"),
        ("correct\ud800horse", "at most 128 characters"),
    ],
)
async def test_a_password_that_is_not_taken_says_what_to_do(
    password: str, words: str, passwords: Passwords
) -> None:
    with pytest.raises(errors.BadOption, match=words) as refusal:
        await passwords.hash(password=password, email=EMAIL)

    assert str(refusal.value).startswith("Choose")
    assert not password or password not in str(refusal.value)
    assert not await passwords.verify(password=password, hashed=None)


@pytest.mark.parametrize(
    "password", ["1234567a9b", "ab" * (LONGEST // 2), "пароль пароль", "🐎" * 9 + "!"]
)
async def test_the_shortest_the_longest_and_any_letters_are_taken(
    password: str, passwords: Passwords
) -> None:
    hashed = await passwords.hash(password=password, email=EMAIL)

    assert await passwords.verify(password=password, hashed=hashed)


def test_the_common_ones_are_long_enough_to_matter_and_written_as_they_are_compared() -> None:
    assert {word for word in COMMON if len(word) < SHORTEST or word != word.casefold()} == set()


async def test_two_are_worked_on_at_once_and_a_flood_is_told_to_come_back() -> None:
    passwords = Passwords(parameters=replace(CHEAP, time_cost=50, memory_cost=1024))

    answers = await asyncio.gather(
        *(passwords.verify(password="correct horse", hashed=None) for _ in range(100)),
        return_exceptions=True,
    )

    assert len(passwords._threads._threads) == AT_ONCE
    assert sum(isinstance(answer, errors.Busy) for answer in answers) == 100 - AT_ONCE - WAITING
    assert not await passwords.verify(password="correct horse", hashed=None)
    passwords.close()


async def test_who_goes_away_while_waiting_gives_the_place_back() -> None:
    passwords = Passwords(parameters=replace(CHEAP, time_cost=50, memory_cost=1024))
    waiting = [
        asyncio.create_task(passwords.verify(password="x", hashed=None))
        for _ in range(AT_ONCE + WAITING)
    ]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)

    assert not await passwords.verify(password="correct horse", hashed=None)
    passwords.close()


async def test_nothing_of_a_password_is_logged(
    passwords: Passwords, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    hashed = await passwords.hash(password="correct horse", email=EMAIL)
    await passwords.verify(password="correct horse", hashed=hashed)

    assert "horse" not in caplog.text
