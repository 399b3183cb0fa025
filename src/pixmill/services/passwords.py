"""Passwords: which are taken, what is kept of them, and how they are recognized."""

import asyncio
import base64
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from pixmill import errors

T = TypeVar("T")

#: The second choice of RFC 9106, section 4, with one lane in place of four: the same memory and
#: passes, which is what a guess costs, in one thread. Four would not end sooner on two cores that
#: have pictures to do, and a machine of any size checks two passwords at one time (`AT_ONCE`).
PARAMETERS = argon2.Parameters(
    type=argon2.Type.ID,
    version=argon2.low_level.ARGON2_VERSION,
    salt_len=16,
    hash_len=32,
    time_cost=3,
    memory_cost=64 * 1024,
    parallelism=1,
)

#: Passwords that are worked on at one time, so that a flood takes 128 MiB and no more.
AT_ONCE = 2
#: Those that wait for it, about four seconds of work; others hear that the server is busy.
WAITING = 30

SHORTEST = 10
LONGEST = 128

#: Those of at least `SHORTEST` characters that are tried first.
COMMON = frozenset(
    """
    0123456789 01234567890 0987654321 1029384756 1111111111 1122334455 11223344556677 1234512345
    1234567890 12345678900 12345678901 12345678910 123456789a 123456789q 1234567891 123456789123
    1234554321 123qweasdzxc 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 1qazxsw23edc 9876543210
    abcd123456 abcdefghij administrator asdfasdfasdf asdfghjkl1 asdfghjkl; basketball1
    changeme123 charlie123 football123 iloveyou12 iloveyou123 letmein123 liverpool1 manchester
    michelle123 mypassword password01 password10 password11 password12 password123 password1234
    password12345 password123456 passwordpassword passw0rd123 pixmillpixmill pixmill123
    pixmill1234 princess123 q1w2e3r4t5 q1w2e3r4t5y6 qazwsxedc123 qwerty1234 qwerty12345
    qwerty123456 qwertyqwerty qwertyuiop qwertyuiop123 superman123 sunshine123 welcome123
    zxcvbnm123 zxcvbnm1234
    """.split()  # noqa: SIM905 - eighty quotation marks say nothing
)


class Passwords:
    """Hashes and checks passwords, in threads of its own."""

    def __init__(self, *, parameters: argon2.Parameters = PARAMETERS) -> None:
        self._hasher = argon2.PasswordHasher.from_parameters(parameters)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="passwords")
        self._under_way: list[Future[object]] = []
        # Nobody knows a password for this. To try one takes as long as with an account's own.
        self._nobody = (
            f"$argon2id$v={parameters.version}$m={parameters.memory_cost},t={parameters.time_cost}"
            f",p={parameters.parallelism}${_random(parameters.salt_len)}"
            f"${_random(parameters.hash_len)}"
        )

    async def hash(self, *, password: str, email: str) -> str:
        """
        Return what is to be kept of *password*, of the account with that address.

        Raises BadOption, with what to do about it, for one that is not taken, and Busy.
        """
        text = checked(password, email=email)
        return await self._work(lambda: self._hasher.hash(text))

    async def verify(self, *, password: str, hashed: str | None) -> bool:
        """
        Say whether *hashed* was made of *password*; never, but no sooner, when there is none.

        Raises Busy.
        """
        text = _normalized(password)
        known = text is not None and hashed is not None
        return await self._work(lambda: self._matches(hashed or self._nobody, text or "") and known)

    async def renewed(self, *, password: str, hashed: str) -> str | None:
        """
        Return *password*, which is right, hashed anew when *hashed* is of other parameters.

        Raises Busy.
        """
        text = _normalized(password)
        if text is None or not self._hasher.check_needs_rehash(hashed):
            return None
        return await self._work(lambda: self._hasher.hash(text))

    def close(self) -> None:
        """Let go of the threads; to be called at shutdown."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, hashed: str, text: str) -> bool:
        try:
            return self._hasher.verify(hashed, text)
        except (VerificationError, InvalidHashError):
            return False

    async def _work(self, work: Callable[[], T]) -> T:
        # A caller who goes away takes nothing along that has begun: only the threads' number says
        # how much memory is in use.
        self._under_way = [future for future in self._under_way if not future.done()]
        if len(self._under_way) >= AT_ONCE + WAITING:
            raise errors.Busy
        future = self._threads.submit(work)
        self._under_way.append(future)  # type: ignore[arg-type]  # only asked whether it is done
        return await asyncio.wrap_future(future)


def checked(password: str, *, email: str) -> str:
    """
    Return *password* as it is hashed, in one form of Unicode however it was typed.

    Raises BadOption, with what to do about it, for one that is not taken.
    """
    text = _normalized(password)
    if text is None:
        raise errors.BadOption(f"Choose a password of at most {LONGEST} characters.")
    if len(text) < SHORTEST:
        raise errors.BadOption(
            f"Choose a password of at least {SHORTEST} characters; a few words do well."
        )
    plain = text.casefold()
    if plain in {email.casefold(), email.casefold().partition("@")[0]}:
        raise errors.BadOption("Choose a password that is not the e-mail address.")
    if plain in COMMON or len(set(plain)) == 1:
        raise errors.BadOption(
            "Choose another password: this one is among the first that anybody tries."
        )
    return text


def _normalized(password: str) -> str | None:
    """Return *password* in one form of Unicode (NFKC); None for what cannot be one."""
    if len(password) > LONGEST * 4:  # before any work is done on it
        return None
    text = unicodedata.normalize("NFKC", password)
    if len(text) > LONGEST or any(0xD800 <= ord(letter) < 0xE000 for letter in text):
        return None
    return text


def _random(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
