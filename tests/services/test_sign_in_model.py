"""Sign-ins beside a model of them: passwords, links, disabled accounts and time, in any order."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run_model

from pixmill import errors
from pixmill.services.accounts import Accounts
from pixmill.services.passwords import Passwords
from pixmill.services.sign_ins.sign_ins import SignIns
from pixmill.services.sign_ins.types import IDLE, PRINTED, SEEN, Terms
from pixmill.stores.db import Database
from services.desk import Clock

from fixtures.passwords import CHEAP

T = TypeVar("T")

LIFETIME = timedelta(days=3)
WHO = st.sampled_from([0, 1])
PASSWORD = st.sampled_from(["correct horse", "battery staple", "short"])


@dataclass(eq=False, kw_only=True)
class Person:
    """What the model knows of an account."""

    id: str
    email: str
    password: str | None = None
    disabled: bool = False


@dataclass(eq=False, kw_only=True)
class Entry:
    """What the model knows of a sign-in."""

    token: str
    person: Person
    expires_at: datetime
    seen_at: datetime
    ended: bool = False

    def lives(self, now: datetime) -> bool:
        return not self.ended and now < self.expires_at and now - self.seen_at < IDLE


@dataclass(eq=False, kw_only=True)
class Link:
    """What the model knows of a link to a new password."""

    ticket: str
    person: Person
    expires_at: datetime
    ended: bool = False


class Model(RuleBasedStateMachine):
    """Two accounts, made by the command line."""

    url: str
    links: Bundle[Link] = Bundle("links")
    entries: Bundle[Entry] = Bundle("entries")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.database = Database(self.url)
        self.accounts = Accounts(database=self.database, now=self.clock)
        self.sign_ins = SignIns(
            database=self.database,
            terms=Terms(lifetime=LIFETIME),
            passwords=Passwords(parameters=CHEAP),
            now=self.clock,
        )
        self.people = [self.run(self.person()) for _ in range(2)]
        self.all_entries: list[Entry] = []
        self.all_links: list[Link] = []
        self.tries = 0

    async def person(self) -> Person:
        email = f"{uuid4().hex}@x.org"
        made = await self.accounts.create(email=email, plan="self-hosted")
        return Person(id=made.id, email=email)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.sign_ins.close())
        self.run(self.database.close())
        self.runner.close()

    def end(self, person: Person, *, but: Entry | None = None, links: bool = False) -> None:
        for entry in self.all_entries:
            if entry.person is person and entry is not but:
                entry.ended = True
        for link in self.all_links:
            if link.person is person and links:
                link.ended = True

    def entered(self, person: Person, token: str, expires_at: datetime) -> Entry:
        now = self.clock.moment
        assert expires_at == now + LIFETIME
        entry = Entry(token=token, person=person, expires_at=expires_at, seen_at=now)
        self.all_entries.append(entry)
        return entry

    @rule(target=entries, which=WHO, password=PASSWORD)
    def sign_in(self, which: int, password: str) -> Any:
        person = self.people[which]
        self.tries += 1  # each from elsewhere: how often one may try is tested elsewhere, too
        address = f"10.{self.tries // 256}.{self.tries % 256}.1"
        trying = self.sign_ins.sign_in(email=person.email, password=password, address=address)
        if person.disabled or password != person.password:
            with pytest.raises(errors.BadCredentials):
                self.run(trying)
            return Entry(
                token="", person=person, expires_at=self.clock.moment, seen_at=self.clock.moment
            )
        signed_in = self.run(trying)
        return self.entered(person, signed_in.token, signed_in.expires_at)

    @rule(entry=entries)
    def sign_out(self, entry: Entry) -> None:
        self.run(self.sign_ins.sign_out(token=entry.token))
        entry.ended = True

    @rule(entry=entries)
    def sign_out_elsewhere(self, entry: Entry) -> None:
        person = entry.person
        self.run(self.sign_ins.sign_out_everywhere(account_id=person.id, but=entry.token))
        self.end(person, but=entry)

    @rule(entry=entries, old=PASSWORD, new=PASSWORD)
    def change_password(self, entry: Entry, old: str, new: str) -> None:
        person = entry.person
        account = self.run(self.sign_ins.who(token=entry.token))
        if account is None:
            return
        entry.seen_at = self.seen(entry)
        changing = self.sign_ins.change_password(
            account=account, old=old, new=new, token=entry.token
        )
        try:
            self.run(changing)
        except errors.BadOption:
            assert new == "short"
        except errors.BadCredentials:
            assert old != person.password
        except errors.TooManySignIns:
            self.clock.advance(minutes=15)
        else:
            assert old == person.password
            person.password = new
            self.end(person, but=entry, links=True)

    @rule(target=links, which=WHO)
    def print_link(self, which: int) -> Any:
        person = self.people[which]
        link = Link(ticket="", person=person, expires_at=self.clock.moment + PRINTED)
        if person.disabled:
            with pytest.raises(errors.Conflict):
                self.run(self.sign_ins.reset_link(name=person.email))
        else:
            link.ticket = self.run(self.sign_ins.reset_link(name=person.id)).partition("=")[2]
            self.all_links.append(link)
        return link

    @rule(target=entries, link=links, password=PASSWORD)
    def reset(self, link: Link, password: str) -> Any:
        person, now = link.person, self.clock.moment
        good = link.ticket and not link.ended and now < link.expires_at
        try:
            signed_in = self.run(self.sign_ins.reset(ticket=link.ticket, password=password))
        except errors.TicketGone:
            assert not good or person.disabled
        except errors.BadOption:
            assert good
            assert password == "short"
        else:
            assert good
            assert not person.disabled
            person.password = password
            self.end(person, links=True)
            return self.entered(person, signed_in.token, signed_in.expires_at)
        return Entry(token="", person=person, expires_at=now, seen_at=now)

    @rule(which=WHO)
    def switch(self, which: int) -> None:
        person = self.people[which]
        person.disabled = not person.disabled
        change = self.accounts.disable if person.disabled else self.accounts.enable
        self.run(change(name=person.id))
        if person.disabled:
            self.end(person)

    @rule(hours=st.sampled_from([0.01, 1, 23, 30, 47]))
    def wait(self, hours: float) -> None:
        self.clock.advance(hours=hours)

    @rule()
    def sweep(self) -> None:
        self.run(self.sign_ins.sweep())

    def seen(self, entry: Entry) -> datetime:
        now = self.clock.moment
        return now if now - entry.seen_at >= SEEN else entry.seen_at

    @rule()
    def look(self) -> None:
        """Use every sign-in there ever was."""
        now = self.clock.moment
        for entry in self.all_entries:
            account = self.run(self.sign_ins.who(token=entry.token))
            assert (account.id if account else None) == (
                entry.person.id if entry.lives(now) else None
            )
            if account:
                entry.seen_at = self.seen(entry)

    @invariant()
    def those_that_live_are_listed(self) -> None:
        now = self.clock.moment
        for person in self.people:
            listed = self.run(self.sign_ins.listed(account_id=person.id))
            assert sorted(row.seen_at for row in listed) == sorted(
                entry.seen_at
                for entry in self.all_entries
                if entry.person is person and entry.lives(now)
            )


def test_sign_ins_do_what_the_model_says(database_url: str) -> None:
    class Here(Model):
        url = database_url

    run_model(
        Here,
        settings=settings(
            max_examples=20,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
