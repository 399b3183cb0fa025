"""Idempotency keys beside a model of them: requests, deaths and repetitions in any order."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from pixmill import errors
from pixmill.services.idempotency import Claim, Idempotency, Remembered
from pixmill.services.keys import Keys
from pixmill.stores.db import Database
from pixmill.stores.idempotency import idempotency_keys
from services.desk import Clock

T = TypeVar("T")

LEASE, MEMORY = timedelta(seconds=60), timedelta(hours=24)
KEYS = st.sampled_from(["k", "k", "k", "l"])
PAYLOADS = st.sampled_from(["f1", "f2"])
#: Mostly the last claim; those before it are of servers that were taken for dead, or are done.
RECENT = st.sampled_from([1, 1, 1, 2, 3])


@dataclass(eq=False, kw_only=True)
class Life:
    """What the model knows of a key from its claim until it is free again."""

    claim: Claim
    ends_at: datetime
    answer: Remembered | None = None


class Model(RuleBasedStateMachine):
    """One account that uses two keys, for requests that come to an end or do not."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.database = Database(self.url)
        self.idempotency = Idempotency(
            database=self.database, lease=LEASE, memory=MEMORY, now=self.clock
        )
        self.lives: dict[str, Life] = {}
        self.claims: list[Claim] = []
        self.answers = 0
        made = self.run(Keys(database=self.database).create(plan="self-hosted"))
        self.account_id = made.key.account_id

    def teardown(self) -> None:
        self.run(self.end())
        self.runner.close()

    async def end(self) -> None:
        """Leave nothing that the sweeps of the next run would count."""
        async with self.database.transaction() as connection:
            await connection.execute(idempotency_keys.delete())
        await self.database.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def pick(self, which: int) -> tuple[Claim | None, Life | None]:
        """Return one of the last claims, and the life that it still holds."""
        if which > len(self.claims):
            return None, None
        claim = self.claims[-which]
        life = self.lives.get(claim.key)
        return claim, life if life and life.claim == claim and not life.answer else None

    @rule(key=KEYS, payload=PAYLOADS)
    def begin(self, key: str, payload: str) -> None:
        life = self.lives.get(key)
        begin = self.idempotency.begin(account_id=self.account_id, key=key)
        if not life or life.ends_at <= self.clock.moment:
            claim = self.run(begin)
            assert isinstance(claim, Claim)
            self.lives[key] = Life(claim=claim, ends_at=self.clock.moment + LEASE)
            self.claims.append(claim)
        elif life.answer:
            remembered = self.run(begin)
            assert remembered == life.answer
            self.replay(remembered, payload)
        else:
            with pytest.raises(errors.IdempotencyInProgress):
                self.run(begin)

    def replay(self, remembered: Remembered, payload: str) -> None:
        if payload == remembered.fingerprint:
            assert self.idempotency.replay(remembered, fingerprint=payload) == remembered
        else:
            with pytest.raises(errors.IdempotencyConflict):
                self.idempotency.replay(remembered, fingerprint=payload)

    @rule(which=RECENT, payload=PAYLOADS, failing=st.sampled_from([False, False, True]))
    def complete(self, which: int, payload: str, *, failing: bool) -> None:
        claim, life = self.pick(which)
        if not claim:
            return
        self.answers += 1
        answer = Remembered(fingerprint=payload, status=202, body=str(self.answers))
        finish = self.finish(claim, answer, failing=failing)
        if not life:
            with pytest.raises(errors.IdempotencyInProgress):
                self.run(finish)
        elif failing:
            with pytest.raises(errors.StorageFull):
                self.run(finish)
        else:
            self.run(finish)
            life.answer = answer
            life.ends_at = self.clock.moment + MEMORY

    async def finish(self, claim: Claim, answer: Remembered, *, failing: bool) -> None:
        async with self.database.transaction() as connection:
            await self.idempotency.complete(
                connection,
                claim,
                fingerprint=answer.fingerprint,
                status=answer.status,
                body=answer.body,
            )
            if failing:
                raise errors.StorageFull

    @rule(which=RECENT)
    def release(self, which: int) -> None:
        claim, life = self.pick(which)
        if claim:
            self.run(self.idempotency.release(claim))
        if claim and life:
            del self.lives[claim.key]

    @rule(which=RECENT)
    def extend(self, which: int) -> None:
        claim, life = self.pick(which)
        if claim and life:
            self.run(self.idempotency.extend(claim))
            life.ends_at = self.clock.moment + LEASE
        elif claim:
            with pytest.raises(errors.IdempotencyInProgress):
                self.run(self.idempotency.extend(claim))

    # A crash is a claim of which nothing more is heard before its time is over.
    @rule(how=st.sampled_from(["a little", "a lease", "to the end"]), sweep=st.booleans())
    def time_passes(self, how: str, *, sweep: bool) -> None:
        if how == "to the end":
            ends = [life.ends_at for life in self.lives.values()]
            self.clock.moment = max([self.clock.moment, *ends])
        else:
            self.clock.moment += LEASE / 2 if how == "a little" else LEASE
        if sweep:
            self.sweep()

    def sweep(self) -> None:
        gone = [
            key for key, life in self.lives.items() if life.ends_at + LEASE <= self.clock.moment
        ]
        assert self.run(self.idempotency.sweep()) == len(gone)
        for key in gone:
            del self.lives[key]

    @invariant()
    def the_database_says_the_same(self) -> None:
        """Above all: what was answered once is what is there, and nothing in its place."""
        kept = {
            key: (answer.fingerprint, answer.status, answer.body)
            if (answer := life.answer)
            else (None, None, None)
            for key, life in self.lives.items()
        }
        assert self.run(self.rows()) == kept

    async def rows(self) -> dict[str, tuple[Any, ...]]:
        async with self.database.reading() as connection:
            return {
                row.key: (row.fingerprint, row.status, row.body)
                for row in await connection.execute(sa.select(idempotency_keys))
            }


def test_keys_do_what_the_model_says(database_url: str) -> None:
    class Here(Model):
        url = database_url

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=30,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
