"""Signing up, in and out, and passwords that are changed and forgotten."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from valkey import Valkey

from pixmill import errors
from pixmill.services.accounts import Accounts
from pixmill.services.guests import Guests
from pixmill.services.keys import Keys
from pixmill.services.limits import RateLimits
from pixmill.services.mail import Mail
from pixmill.services.passwords import AT_ONCE, WAITING, Passwords
from pixmill.services.sign_ins.sign_ins import SignIns
from pixmill.services.sign_ins.throttle import CHANGES, EMAIL, LETTERS, NETWORK, PAIR, SIGN_UPS
from pixmill.services.sign_ins.types import Terms
from pixmill.stores.accounts import accounts as account_table
from pixmill.stores.db import Database
from pixmill.stores.limits import windows_at
from pixmill.stores.limits.memory import MemoryWindows
from pixmill.stores.sign_ins import sign_ins as sign_in_table
from pixmill.stores.tickets import tickets as ticket_table
from services.desk import Clock

from fixtures.passwords import CHEAP

pytestmark = pytest.mark.anyio

ADA, BOB = "ada@example.com", "bob@example.com"
SECRET, OTHER = "correct horse battery", "staple and horses"
HERE, THERE = "198.51.100.7", "203.0.113.9"

Make = Callable[..., SignIns]


class Box(Mail):
    """A mailbox in place of a server."""

    def __init__(self) -> None:
        super().__init__(url="smtp://nowhere.invalid", sender="mill@example.com")
        self.letters: list[tuple[str, str]] = []

    async def send(self, *, to: str, subject: str, text: str) -> bool:
        self.letters.append((to, f"{subject}\n{text}"))
        return True

    def link(self) -> str:
        """Return the link in the last letter."""
        [found] = re.findall(r"^http\S+$", self.letters[-1][1], re.MULTILINE)
        return str(found)


@pytest.fixture
async def make(database: Database, clock: Clock) -> AsyncIterator[Make]:
    made: list[SignIns] = []

    def make(**options: object) -> SignIns:
        parts = {"passwords": Passwords(parameters=CHEAP), "now": clock} | options
        made.append(SignIns(database=database, **parts))  # type: ignore[arg-type]  # each test's own
        return made[-1]

    yield make
    for sign_ins in made:
        await sign_ins.close()


@pytest.fixture
def sign_ins(make: Make) -> SignIns:
    return make()


@pytest.fixture
async def ada(sign_ins: SignIns) -> str:
    """Sign up as the operator; give the token."""
    return (await sign_ins.sign_up(email=ADA, password=SECRET, address=HERE)).token


def guests_of(database: Database, clock: Clock) -> Guests:
    return Guests(
        database=database,
        keys=Keys(database=database, now=clock),
        limits=RateLimits(windows=MemoryWindows(now=clock)),
        images=3,
        max_file_size=1_000_000,
        now=clock,
    )


def token_of(link: str) -> str:
    [[token]] = parse_qs(urlsplit(link).query).values()
    return token


async def enter(sign_ins: SignIns, password: str = SECRET, address: str = HERE) -> str:
    return (await sign_ins.sign_in(email=ADA, password=password, address=address)).token


async def refused(trying: Awaitable[object]) -> errors.Error:
    with pytest.raises(errors.Error) as refusal:
        await trying
    return refusal.value


# Signing up


async def test_the_first_account_is_the_operator_and_the_next_is_not(sign_ins: SignIns) -> None:
    assert await sign_ins.open() == "first"
    first = await sign_ins.sign_up(email=" Ada@Example.com", password=SECRET, address=HERE)
    assert await sign_ins.open() == "open"
    second = await sign_ins.sign_up(email=BOB, password=SECRET, address=HERE)

    assert (first.account.email, first.account.operator) == (ADA, True)
    assert (second.account.email, second.account.operator) == (BOB, False)
    assert first.account.plan == "self-hosted"
    assert await sign_ins.who(token=first.token) == first.account
    assert await sign_ins.who(token=second.token) == second.account


async def test_of_many_first_accounts_at_once_one_is_the_operator(
    make: Make, accounts: Accounts
) -> None:
    servers = [make() for _ in range(6)]

    await asyncio.gather(
        *(
            server.sign_up(email=f"a{number}@x.org", password=SECRET, address=HERE)
            for number, server in enumerate(servers)
        )
    )

    assert sorted(account.operator for account in await accounts.all()) == [False] * 5 + [True]


@pytest.mark.parametrize("how", ["closed", "invited"])
async def test_the_first_account_is_made_although_nobody_may_sign_up(
    how: Literal["closed", "invited"], make: Make
) -> None:
    sign_ins = make(terms=Terms(sign_up=how))

    assert await sign_ins.open() == "first"
    first = await sign_ins.sign_up(email=ADA, password=SECRET, address=HERE)

    assert first.account.operator
    assert await sign_ins.open() == how
    closed = await refused(sign_ins.sign_up(email=BOB, password=SECRET, address=HERE))
    assert isinstance(closed, errors.SignUpClosed)


async def test_of_two_first_accounts_at_once_one_is_refused_where_nobody_may_sign_up(
    make: Make, accounts: Accounts
) -> None:
    servers = [make(terms=Terms(sign_up="closed")) for _ in range(4)]

    answers = await asyncio.gather(
        *(
            server.sign_up(email=f"a{number}@x.org", password=SECRET, address=HERE)
            for number, server in enumerate(servers)
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(answer, errors.SignUpClosed) for answer in answers) == 3
    assert [account.operator for account in await accounts.all()] == [True]


async def test_where_the_command_line_has_made_an_operator_nobody_becomes_one(
    sign_ins: SignIns, accounts: Accounts
) -> None:
    await accounts.create(email=BOB, plan="self-hosted", operator=True)

    assert await sign_ins.open() == "open"
    made = await sign_ins.sign_up(email=ADA, password=SECRET, address=HERE)

    assert not made.account.operator


@pytest.mark.parametrize("how", ["open", "closed"])
async def test_where_somebody_has_an_account_already_no_visitor_becomes_the_operator(
    how: Literal["open", "closed"], make: Make, accounts: Accounts, keys: Keys
) -> None:
    await accounts.create(email=BOB, plan="self-hosted")
    await keys.create(account=BOB)
    sign_ins = [make(terms=Terms(sign_up=how)) for _ in range(2)]

    assert await sign_ins[0].open() == how
    answers = await asyncio.gather(
        *(
            each.sign_up(email=f"a{number}@x.org", password=SECRET, address=HERE)
            for number, each in enumerate(sign_ins)
        ),
        return_exceptions=True,
    )

    refusals = [type(answer) for answer in answers if isinstance(answer, BaseException)]
    assert refusals == ([errors.SignUpClosed] * 2 if how == "closed" else [])
    assert not any(account.operator for account in await accounts.all())
    assert (await accounts.set_operator(name=BOB, on=True)).operator


async def test_keys_of_nobody_and_guests_leave_the_first_account_to_a_visitor(
    make: Make, accounts: Accounts, keys: Keys, database: Database, clock: Clock
) -> None:
    for _ in range(2):
        await keys.create()
    await guests_of(database, clock).caller()
    servers = [make(terms=Terms(sign_up="closed")) for _ in range(2)]
    assert await servers[0].open() == "first"

    answers = await asyncio.gather(
        *(
            server.sign_up(email=f"a{number}@x.org", password=SECRET, address=HERE)
            for number, server in enumerate(servers)
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(answer, errors.SignUpClosed) for answer in answers) == 1
    [operator] = [account for account in await accounts.all() if account.operator]
    assert re.fullmatch(r"a[01]@x\.org", operator.email)


@pytest.mark.parametrize("claim", ["a password", "the rights of an operator"])
async def test_an_account_of_a_key_that_somebody_has_claimed_is_the_first(
    claim: str, sign_ins: SignIns, accounts: Accounts, keys: Keys
) -> None:
    made = await keys.create()
    if claim == "a password":
        link = await sign_ins.reset_link(name=made.key.account_id)
        await sign_ins.reset(ticket=token_of(link), password=SECRET)
    else:
        await accounts.set_operator(name=made.key.account_id, on=True)

    assert await sign_ins.open() == "open"
    assert not (await sign_ins.sign_up(email=ADA, password=SECRET, address=HERE)).account.operator


@pytest.mark.parametrize("email", [" Guest@Localhost", "local-0123abcd@localhost"])
async def test_nobody_gets_an_address_that_the_server_uses_itself(
    email: str, sign_ins: SignIns, accounts: Accounts
) -> None:
    for claim in (
        sign_ins.sign_up(email=email, password=SECRET, address=HERE),
        sign_ins.invite(email=email),
        accounts.create(email=email, plan="self-hosted"),
    ):
        with pytest.raises(errors.BadOption, match="uses that e-mail address itself"):
            await claim
    assert await accounts.all() == []


async def test_nobody_gets_a_link_to_a_password_of_guests(
    make: Make, keys: Keys, accounts: Accounts, database: Database, clock: Clock
) -> None:
    box = Box()
    sign_ins = make(mail=box)
    guest = await guests_of(database, clock).caller()
    local = await accounts.find(name=(await keys.create()).key.account_id)

    for name in (guest.account.email, guest.account.id):
        with pytest.raises(errors.Conflict, match="guests"):
            await sign_ins.reset_link(name=name)
    for email in (guest.account.email, local.email):
        await sign_ins.ask_reset(email=email, address=HERE)
    await sign_ins.drain()

    assert box.letters == []


async def test_new_accounts_get_the_plan_that_is_set(make: Make) -> None:
    sign_ins = make(terms=Terms(plan="optipic-free"))
    made = await sign_ins.sign_up(email=ADA, password=SECRET, address=HERE)
    assert made.account.plan == "optipic-free"

    with pytest.raises(errors.Internal, match="PIXMILL_SIGN_UP_PLAN"):
        await make(terms=Terms(plan="gold")).sign_up(email=BOB, password=SECRET, address=HERE)


@pytest.mark.usefixtures("ada")
async def test_an_address_has_one_account_however_it_is_written(sign_ins: SignIns) -> None:
    with pytest.raises(errors.Conflict, match="already"):
        await sign_ins.sign_up(email="ADA@EXAMPLE.COM ", password=OTHER, address=HERE)


async def test_an_account_without_a_password_is_not_taken_over(
    sign_ins: SignIns, accounts: Accounts
) -> None:
    await accounts.create(email=ADA, plan="self-hosted")

    with pytest.raises(errors.Conflict, match=r"pixmill accounts reset-password ada@example\.com"):
        await sign_ins.sign_up(email=ADA, password=SECRET, address=HERE)
    with pytest.raises(errors.BadCredentials):
        await enter(sign_ins)

    link = await sign_ins.reset_link(name=ADA)
    signed_in = await sign_ins.reset(ticket=token_of(link), password=SECRET)
    assert signed_in.account.email == ADA
    await enter(sign_ins)


@pytest.mark.parametrize(
    "email",
    ["", "ada", "a\x00b@c", "a\ud800@c", "a@b\r\nBcc: c", "a@b,c", "a<b@c>", "x" * 99 + "@y"],
)
async def test_what_cannot_be_an_address_is_nobody(email: str, sign_ins: SignIns) -> None:
    with pytest.raises(errors.BadOption):
        await sign_ins.sign_up(email=email, password=SECRET, address=HERE)
    with pytest.raises(errors.BadCredentials):
        await sign_ins.sign_in(email=email, password=SECRET, address=HERE)
    await sign_ins.ask_reset(email=email, address=HERE)


async def test_a_bad_password_makes_no_account(sign_ins: SignIns, accounts: Accounts) -> None:
    with pytest.raises(errors.BadOption, match="at least 10"):
        await sign_ins.sign_up(email=ADA, password="short", address=HERE)
    assert await accounts.all() == []


# Invitations


@pytest.mark.usefixtures("ada")
async def test_an_invitation_makes_one_account_on_its_plan(make: Make) -> None:
    sign_ins = make(terms=Terms(sign_up="closed", base_url="https://mill.example.com/"))
    link = await sign_ins.invite(email="Bob@example.com", plan="optipic-free")
    assert link.startswith("https://mill.example.com/sign-up?invitation=")
    invitation = token_of(link)
    assert (await sign_ins.ticket(token=invitation, purpose="invitation")).email == BOB

    with pytest.raises(errors.BadOption, match=r"for bob@example\.com"):
        await sign_ins.sign_up(
            email="eve@x.org", password=SECRET, address=HERE, invitation=invitation
        )
    made = await sign_ins.sign_up(email=BOB, password=SECRET, address=HERE, invitation=invitation)

    assert (made.account.plan, made.account.operator) == ("optipic-free", False)
    with pytest.raises(errors.TicketGone):
        await sign_ins.sign_up(email=BOB, password=SECRET, address=HERE, invitation=invitation)


@pytest.mark.usefixtures("ada")
async def test_an_invitation_lasts_seven_days(make: Make, clock: Clock) -> None:
    sign_ins = make(terms=Terms(sign_up="invited"))
    invitation = token_of(await sign_ins.invite(email=BOB, base_url="http://here"))

    clock.advance(days=7, seconds=-1)
    await sign_ins.sweep()
    await sign_ins.ticket(token=invitation, purpose="invitation")
    clock.advance(seconds=1)

    with pytest.raises(errors.TicketGone):
        await sign_ins.sign_up(email=BOB, password=SECRET, address=HERE, invitation=invitation)


@pytest.mark.usefixtures("ada")
async def test_only_somebody_new_is_invited_to_a_plan_that_there_is(sign_ins: SignIns) -> None:
    with pytest.raises(errors.Conflict):
        await sign_ins.invite(email=ADA)
    with pytest.raises(errors.NotFound, match="no plan gold"):
        await sign_ins.invite(email=BOB, plan="gold")
    with pytest.raises(errors.BadOption):
        await sign_ins.invite(email="bob")


@pytest.mark.usefixtures("ada")
async def test_an_invitation_is_mailed(make: Make) -> None:
    box = Box()
    sign_ins = make(mail=box)

    link = await sign_ins.invite(email=BOB, base_url="https://mill.example.com")
    await sign_ins.drain()

    assert [to for to, _ in box.letters] == [BOB]
    assert box.link() == link


# Signing in and out


@pytest.mark.usefixtures("ada")
async def test_one_signs_in_and_out(sign_ins: SignIns, clock: Clock) -> None:
    signed_in = await sign_ins.sign_in(email=" ADA@example.com ", password=SECRET, address=HERE)

    assert signed_in.expires_at == clock.moment + timedelta(days=14)
    assert signed_in.token not in repr(signed_in)
    assert await sign_ins.who(token=signed_in.token) == signed_in.account

    await sign_ins.sign_out(token=signed_in.token)
    assert await sign_ins.who(token=signed_in.token) is None
    await sign_ins.sign_out(token=signed_in.token)


async def test_a_wrong_password_a_stranger_and_a_disabled_account_hear_the_same(
    sign_ins: SignIns, accounts: Accounts, ada: str
) -> None:
    await sign_ins.sign_up(email=BOB, password=SECRET, address=HERE)
    await accounts.disable(name=BOB)

    answers = [
        await refused(sign_ins.sign_in(email=email, password=password, address=HERE))
        for email, password in ((ADA, OTHER), ("eve@x.org", SECRET), (BOB, SECRET), (ADA, ""))
    ]

    assert {(type(answer), str(answer), answer.detail) for answer in answers} == {
        (errors.BadCredentials, "The e-mail address or the password is not right.", "")
    }
    assert await sign_ins.who(token=ada)


@pytest.mark.usefixtures("ada")
async def test_an_account_is_not_signed_in_to_by_its_id(
    sign_ins: SignIns, accounts: Accounts
) -> None:
    account = await accounts.find(name=ADA)

    with pytest.raises(errors.BadCredentials):
        await sign_ins.sign_in(email=account.id, password=SECRET, address=HERE)


async def test_only_digests_are_kept(sign_ins: SignIns, database: Database, ada: str) -> None:
    ticket = token_of(await sign_ins.reset_link(name=ADA))
    async with database.reading() as connection:
        rows = [
            str(row)
            for table in (account_table, sign_in_table, ticket_table)
            for row in await connection.execute(sa.select(table))
        ]

    assert len(rows) == 3
    assert not any(secret in row for secret in (ada, ticket, SECRET) for row in rows)


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "\ud800" * 43, "é" * 43, "x" * 10_000])
async def test_what_is_no_token_is_nobody(token: str, sign_ins: SignIns) -> None:
    assert await sign_ins.who(token=token) is None
    await sign_ins.sign_out(token=token)
    with pytest.raises(errors.TicketGone):
        await sign_ins.reset(ticket=token, password=SECRET)
    with pytest.raises(errors.TicketGone):
        await sign_ins.sign_up(email=ADA, password=SECRET, address=HERE, invitation=token)


async def test_a_sign_in_ends_after_two_idle_days_or_fourteen(
    sign_ins: SignIns, clock: Clock, ada: str
) -> None:
    idle = await enter(sign_ins)
    for _ in range(13):
        clock.advance(days=1)
        assert await sign_ins.who(token=ada)
    assert await sign_ins.who(token=idle) is None
    clock.advance(days=1, seconds=-1)
    assert await sign_ins.who(token=ada)
    clock.advance(seconds=1)
    assert await sign_ins.who(token=ada) is None


async def test_when_it_was_seen_is_written_once_a_minute(
    sign_ins: SignIns, clock: Clock, ada: str
) -> None:
    start = clock.moment
    seen = []
    account = await sign_ins.who(token=ada)
    assert account
    for seconds in (0, 59, 1, 30):
        clock.advance(seconds=seconds)
        await sign_ins.who(token=ada)
        [row] = await sign_ins.listed(account_id=account.id)
        seen.append((row.seen_at - start).total_seconds())

    assert seen == [0, 0, 60, 60]


async def test_a_disabled_account_is_signed_out_for_good(
    sign_ins: SignIns, accounts: Accounts
) -> None:
    await accounts.create(email=BOB, plan="self-hosted", operator=True)
    signed_in = await sign_ins.sign_up(email=ADA, password=SECRET, address=HERE)

    await accounts.disable(name=ADA)
    assert await sign_ins.who(token=signed_in.token) is None
    await accounts.enable(name=ADA)

    assert await sign_ins.who(token=signed_in.token) is None
    await enter(sign_ins)


async def test_one_signs_out_everywhere_else(sign_ins: SignIns, clock: Clock, ada: str) -> None:
    bob = await sign_ins.sign_up(email=BOB, password=SECRET, address=HERE)
    clock.advance(minutes=1)
    second = await enter(sign_ins)
    account = await sign_ins.who(token=ada)
    assert account
    assert len(await sign_ins.listed(account_id=account.id)) == 2

    assert await sign_ins.sign_out_everywhere(account_id=account.id, but=second) == 1

    assert await sign_ins.who(token=ada) is None
    assert await sign_ins.who(token=second) == account
    assert await sign_ins.sign_out_everywhere(account_id=account.id) == 1
    assert await sign_ins.listed(account_id=account.id) == []
    assert await sign_ins.who(token=bob.token)


async def test_what_is_over_is_swept_and_nothing_else(
    sign_ins: SignIns, database: Database, clock: Clock, ada: str
) -> None:
    await sign_ins.reset_link(name=ADA)
    clock.advance(days=1, hours=1)
    await sign_ins.who(token=ada)
    await enter(sign_ins)
    clock.advance(days=2)
    await sign_ins.invite(email=BOB)
    token = await enter(sign_ins)

    await sign_ins.sweep()

    async with database.reading() as connection:
        for table in (sign_in_table, ticket_table):
            count = await connection.scalar(sa.select(sa.func.count()).select_from(table))
            assert count == 1, table.name
    assert await sign_ins.who(token=token)


@pytest.mark.usefixtures("ada")
async def test_a_password_is_hashed_anew_when_the_parameters_have_changed(
    make: Make, database: Database
) -> None:
    async def kept() -> str:
        async with database.reading() as connection:
            return str(await connection.scalar(sa.select(account_table.c.password_hash)))

    before = await kept()
    newer = make(passwords=Passwords(parameters=replace(CHEAP, time_cost=2)))

    await enter(newer)

    after = await kept()
    assert (",t=1," in before, ",t=2," in after) == (True, True)
    await enter(newer)
    assert await kept() == after
    await asyncio.gather(*(enter(make()) for _ in range(4)))


# Tries


@pytest.fixture(params=["memory", "valkey"])
async def counted(request: pytest.FixtureRequest, make: Make) -> AsyncIterator[SignIns]:
    """Give the service over each kind of count, with nobody else's tries in it."""
    if request.param == "memory":
        yield make()
        return
    url: str = request.getfixturevalue("valkey_url")
    with Valkey.from_url(url) as client:
        client.flushall()
    windows = windows_at(url)
    yield make(windows=windows)
    await windows.close()


async def fail(sign_ins: SignIns, *, email: str = ADA, address: str = HERE, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(errors.BadCredentials):
            await sign_ins.sign_in(email=email, password=OTHER, address=address)


async def test_ten_wrong_passwords_are_heard_and_the_right_one_after_them_is_not(
    counted: SignIns,
) -> None:
    await counted.sign_up(email=ADA, password=SECRET, address=HERE)
    await fail(counted, times=PAIR)

    with pytest.raises(errors.TooManySignIns) as refusal:
        await enter(counted)

    assert 800 < refusal.value.retry_after <= 900
    await enter(counted, address=THERE)


async def test_many_at_once_are_no_way_around(counted: SignIns) -> None:
    answers = await asyncio.gather(
        *(counted.sign_in(email=ADA, password=OTHER, address=HERE) for _ in range(3 * PAIR)),
        return_exceptions=True,
    )

    assert sum(isinstance(answer, errors.BadCredentials) for answer in answers) == PAIR
    assert sum(isinstance(answer, errors.TooManySignIns) for answer in answers) == 2 * PAIR


async def test_a_right_password_forgives_the_wrong_ones_before_it(counted: SignIns) -> None:
    await counted.sign_up(email=ADA, password=SECRET, address=HERE)
    for _ in range(3):
        await fail(counted, times=PAIR - 1)
        await enter(counted)


async def test_signing_in_often_is_no_wrong_password(counted: SignIns) -> None:
    await counted.sign_up(email=ADA, password=SECRET, address=HERE)

    for _ in range(NETWORK + 1):
        await enter(counted)


async def test_tries_are_forgotten_after_a_quarter_of_an_hour(
    sign_ins: SignIns, clock: Clock, ada: str
) -> None:
    await fail(sign_ins, times=PAIR)
    clock.advance(seconds=899)
    assert isinstance(await refused(enter(sign_ins)), errors.TooManySignIns)
    clock.advance(seconds=1)

    assert await enter(sign_ins) != ada


@pytest.mark.usefixtures("ada")
async def test_a_network_that_guesses_at_many_addresses_is_stopped(sign_ins: SignIns) -> None:
    for number in range(NETWORK):
        await fail(sign_ins, email=f"a{number}@x.org")

    assert isinstance(await refused(enter(sign_ins)), errors.TooManySignIns)
    # A right password elsewhere takes nothing back here.
    await enter(sign_ins, address=THERE)
    assert isinstance(await refused(enter(sign_ins)), errors.TooManySignIns)


async def test_all_addresses_of_an_ipv6_network_are_one(sign_ins: SignIns) -> None:
    for number in range(PAIR):
        await fail(sign_ins, address=f"2001:db8::{number + 1:x}")

    stopped = await refused(sign_ins.sign_in(email=ADA, password=OTHER, address="2001:db8::ffff"))
    assert isinstance(stopped, errors.TooManySignIns)


@pytest.mark.usefixtures("ada")
async def test_many_networks_stop_an_address_but_not_where_it_is_at_home(
    sign_ins: SignIns,
) -> None:
    await enter(sign_ins)
    for number in range(EMAIL // PAIR):
        await fail(sign_ins, address=f"192.0.2.{number}", times=PAIR)

    assert isinstance(await refused(enter(sign_ins, address=THERE)), errors.TooManySignIns)
    await enter(sign_ins)
    assert isinstance(await refused(enter(sign_ins, address=THERE)), errors.TooManySignIns)


@pytest.mark.usefixtures("ada")
async def test_tries_are_counted_while_valkey_is_away(make: Make) -> None:
    windows = windows_at("unix:///nowhere/at/all")
    sign_ins = make(windows=windows)
    await enter(sign_ins)
    await fail(sign_ins, times=PAIR)

    assert isinstance(await refused(enter(sign_ins)), errors.TooManySignIns)
    await windows.close()


@pytest.mark.usefixtures("ada")
async def test_who_is_told_that_the_server_is_busy_has_not_tried(make: Make, clock: Clock) -> None:
    windows = MemoryWindows(now=clock)
    taken, gate = Passwords(parameters=CHEAP), threading.Event()
    busy = make(passwords=taken, windows=windows)
    flood = [asyncio.create_task(taken._work(gate.wait)) for _ in range(AT_ONCE + WAITING)]
    await asyncio.sleep(0)
    for _ in range(PAIR + 1):
        assert isinstance(await refused(enter(busy)), errors.Busy)
    gate.set()
    await asyncio.gather(*flood)

    await fail(make(windows=windows), times=PAIR)


async def test_one_network_makes_so_many_accounts(sign_ins: SignIns, clock: Clock) -> None:
    for number in range(SIGN_UPS):
        await sign_ins.sign_up(email=f"a{number}@x.org", password=SECRET, address=HERE)

    with pytest.raises(errors.TooManySignIns):
        await sign_ins.sign_up(email=ADA, password=SECRET, address=HERE)
    clock.advance(minutes=15)
    await sign_ins.sign_up(email=ADA, password=SECRET, address=HERE)


# Other passwords


async def test_a_password_is_changed_and_others_are_signed_out(sign_ins: SignIns, ada: str) -> None:
    second = await enter(sign_ins)
    link = await sign_ins.reset_link(name=ADA)
    account = await sign_ins.who(token=ada)
    assert account

    with pytest.raises(errors.BadCredentials, match="present password"):
        await sign_ins.change_password(account=account, old=OTHER, new=OTHER, token=ada)
    with pytest.raises(errors.BadOption):
        await sign_ins.change_password(account=account, old=SECRET, new="short", token=ada)
    await sign_ins.change_password(account=account, old=SECRET, new=OTHER, token=ada)

    assert await sign_ins.who(token=ada) == account
    assert await sign_ins.who(token=second) is None
    await fail_with(sign_ins, SECRET)
    await enter(sign_ins, OTHER)
    with pytest.raises(errors.TicketGone):
        await sign_ins.reset(ticket=token_of(link), password=SECRET)


async def fail_with(sign_ins: SignIns, password: str) -> None:
    with pytest.raises(errors.BadCredentials):
        await enter(sign_ins, password)


async def test_who_is_signed_in_cannot_guess_the_password_for_long(
    sign_ins: SignIns, ada: str
) -> None:
    account = await sign_ins.who(token=ada)
    assert account
    for _ in range(CHANGES):
        with pytest.raises(errors.BadCredentials):
            await sign_ins.change_password(account=account, old=OTHER, new=OTHER, token=ada)

    with pytest.raises(errors.TooManySignIns):
        await sign_ins.change_password(account=account, old=SECRET, new=OTHER, token=ada)


async def test_a_forgotten_password_is_set_with_a_letter_and_everybody_signed_out(
    make: Make, ada: str
) -> None:
    box = Box()
    sign_ins = make(mail=box, terms=Terms(base_url="https://mill.example.com"))

    await sign_ins.ask_reset(email="ADA@example.com", address=THERE)
    await sign_ins.drain()

    assert [to for to, _ in box.letters] == [ADA]
    assert box.link().startswith("https://mill.example.com/reset-password?ticket=")
    ticket = token_of(box.link())
    assert (await sign_ins.ticket(token=ticket, purpose="reset")).email == ADA
    with pytest.raises(errors.BadOption):
        await sign_ins.reset(ticket=ticket, password="short")
    signed_in = await sign_ins.reset(ticket=ticket, password=OTHER)

    assert await sign_ins.who(token=signed_in.token) == signed_in.account
    assert await sign_ins.who(token=ada) is None
    await fail_with(sign_ins, SECRET)
    await enter(sign_ins, OTHER)


async def test_a_link_works_once_however_many_use_it_at_once(make: Make, ada: str) -> None:
    servers = [make() for _ in range(5)]
    ticket = token_of(await servers[0].reset_link(name=ADA))

    answers = await asyncio.gather(
        *(
            server.reset(ticket=ticket, password=f"{OTHER} {number}")
            for number, server in enumerate(servers)
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(answer, errors.TicketGone) for answer in answers) == 4
    [(number, signed_in)] = [
        (number, answer)
        for number, answer in enumerate(answers)
        if not isinstance(answer, BaseException)
    ]
    assert await servers[0].who(token=signed_in.token)
    assert await servers[0].who(token=ada) is None
    await enter(servers[0], f"{OTHER} {number}")


async def test_an_invitation_works_once_however_many_use_it_at_once(make: Make, ada: str) -> None:
    servers = [make(terms=Terms(sign_up="closed")) for _ in range(4)]
    invitation = token_of(await servers[0].invite(email=BOB))

    answers = await asyncio.gather(
        *(
            server.sign_up(email=BOB, password=SECRET, address=HERE, invitation=invitation)
            for server in servers
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(answer, errors.TicketGone) for answer in answers) == 3
    assert await servers[0].who(token=ada)


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(("asked", "lifetime"), [(True, 3_600), (False, 86_400)])
async def test_links_to_a_new_password_end(
    *, asked: bool, lifetime: int, make: Make, clock: Clock
) -> None:
    box = Box()
    sign_ins = make(mail=box)
    if asked:
        await sign_ins.ask_reset(email=ADA, address=HERE)
        await sign_ins.drain()
    ticket = token_of(box.link() if asked else await sign_ins.reset_link(name=ADA))

    clock.advance(seconds=lifetime - 1)
    await sign_ins.ticket(token=ticket, purpose="reset")
    clock.advance(seconds=1)

    with pytest.raises(errors.TicketGone):
        await sign_ins.reset(ticket=ticket, password=OTHER)


@pytest.mark.usefixtures("ada")
async def test_strangers_get_no_letter_and_whoever_asks_hears_nothing(
    make: Make, accounts: Accounts
) -> None:
    box = Box()
    sign_ins = make(mail=box)
    await sign_ins.sign_up(email=BOB, password=SECRET, address=HERE)
    await accounts.disable(name=BOB)
    account = await accounts.find(name=ADA)

    for email in (BOB, "eve@x.org", account.id, "", "\x00"):
        await sign_ins.ask_reset(email=email, address=HERE)
    await sign_ins.drain()

    assert box.letters == []


@pytest.mark.usefixtures("ada")
async def test_an_address_gets_three_letters_and_a_stranger_hears_the_same(make: Make) -> None:
    box = Box()
    sign_ins = make(mail=box)

    for email in (ADA, "eve@x.org"):
        for _ in range(LETTERS):
            await sign_ins.ask_reset(email=email, address=HERE)
        with pytest.raises(errors.TooManySignIns):
            await sign_ins.ask_reset(email=email, address=THERE)
    await sign_ins.drain()

    assert len(box.letters) == LETTERS


@pytest.mark.usefixtures("ada")
async def test_a_ticket_is_good_for_nothing_else(sign_ins: SignIns) -> None:
    invitation = token_of(await sign_ins.invite(email=BOB))
    reset = token_of(await sign_ins.reset_link(name=ADA))

    with pytest.raises(errors.TicketGone):
        await sign_ins.reset(ticket=invitation, password=OTHER)
    with pytest.raises(errors.TicketGone):
        await sign_ins.sign_up(email=ADA, password=OTHER, address=HERE, invitation=reset)


async def test_a_link_does_not_open_a_disabled_account(
    sign_ins: SignIns, accounts: Accounts, ada: str
) -> None:
    await sign_ins.sign_up(email=BOB, password=SECRET, address=HERE)
    ticket = token_of(await sign_ins.reset_link(name=BOB))
    await accounts.disable(name=BOB)

    with pytest.raises(errors.TicketGone):
        await sign_ins.reset(ticket=ticket, password=OTHER)
    with pytest.raises(errors.Conflict, match="enable it first"):
        await sign_ins.reset_link(name=BOB)
    with pytest.raises(errors.NotFound):
        await sign_ins.reset_link(name="eve@x.org")
    assert await sign_ins.who(token=ada)


async def test_a_password_set_meanwhile_is_looked_at_again(
    sign_ins: SignIns, database: Database
) -> None:
    """Whoever signs in with the old password at that moment is in before, and out again after."""
    await sign_ins.sign_up(email=ADA, password=SECRET, address=HERE)
    for number in range(4):
        old, new = (SECRET, OTHER) if number % 2 == 0 else (OTHER, SECRET)
        ticket = token_of(await sign_ins.reset_link(name=ADA))
        answers = await asyncio.gather(
            *(sign_ins.sign_in(email=ADA, password=old, address=HERE) for _ in range(4)),
            sign_ins.reset(ticket=ticket, password=new),
            return_exceptions=True,
        )
        for answer in answers[:-1]:
            if not isinstance(answer, errors.BadCredentials):
                assert not isinstance(answer, BaseException)
                assert await sign_ins.who(token=answer.token) is None
        await enter(sign_ins, new)
    async with database.reading() as connection:
        count = await connection.scalar(sa.select(sa.func.count()).select_from(sign_in_table))
    assert count == 2  # that of the last link, and the one after it
