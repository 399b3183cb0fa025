"""Plans: what an account may use. Rows that an operator can edit, shipped in plans.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ByteSize, Field, TypeAdapter
from sqlalchemy import JSON, BigInteger, Boolean, Column, Connection, Dialect, Table, Text, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeDecorator

from pixmill.stores.tables import metadata, record

Limit = Annotated[int | None, Field(ge=0, le=2**53)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One step of the price of requests beyond the included ones."""

    #: The last request of the month at this price; None means that the price has no end.
    up_to: Annotated[int | None, Field(gt=0, le=2**53)] = None
    price_microusd: Annotated[int, Field(ge=0, le=2**53)]  #: for one request


def _ascending(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    """Refuse tiers that leave a request without a price, or with two."""
    ends = [tier.up_to for tier in tiers]
    if not ends:
        return tiers
    bounded = [end for end in ends[:-1] if end is not None]
    if ends[-1] is not None or len(bounded) != len(ends) - 1:
        raise ValueError("the last tier, and only the last, has no up_to")
    if bounded != sorted(set(bounded)):
        raise ValueError("each tier's up_to must be greater than the one before")
    return tiers


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an account may use; None as a number means without limit."""

    name: str
    title: Annotated[str, Field(min_length=1, max_length=80)]
    key_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,16}$")]
    #: Characters of a key after its prefix; 43 of base 62 hold 256 bits.
    key_length: Annotated[int, Field(ge=32, le=100)] = 43
    monthly_requests: Limit = None  #: with overage tiers, the number that is included
    daily_requests: Limit = None
    minute_requests: Limit = None
    max_file_size: Annotated[ByteSize, Field(gt=0, le=2**53), AfterValidator(int)]
    max_keys: Limit = None
    #: Price of what goes beyond *monthly_requests*; empty means that the month is over then.
    overage: Annotated[tuple[Tier, ...], AfterValidator(_ascending)] = ()
    signup_credits: Annotated[int, Field(ge=0, le=2**53)] = 0
    monthly_credits: Annotated[int, Field(ge=0, le=2**53)] = 0
    api_allowed: bool = True
    quota_per: Literal["account", "key"] = "account"  #: whose requests are counted together

    @property
    def hard_limit(self) -> int | None:
        """Return the requests a month after which callers are refused; None means never."""
        return None if self.overage else self.monthly_requests

    @property
    def unlimited(self) -> bool:
        """Say whether it limits neither requests nor keys nor credits, like the shipped one."""
        limits = (self.monthly_requests, self.daily_requests, self.minute_requests, self.max_keys)
        counted = self.signup_credits or self.monthly_credits
        return self.api_allowed and not counted and all(limit is None for limit in limits)

    @property
    def edited(self) -> bool:
        """Say whether it differs from the plan that comes with Pixmill."""
        return self != shipped().get(self.name)


_plan = TypeAdapter(Plan)


def validated(values: Mapping[str, Any]) -> Plan:
    """Return the plan that *values* describe. Raises pydantic.ValidationError."""
    return _plan.validate_python(values)


@cache
def shipped() -> dict[str, Plan]:
    """Return the plans that come with Pixmill, by name."""
    tables = tomllib.loads(files("pixmill.stores").joinpath("plans.toml").read_text("utf-8"))
    return {name: validated({"name": name, **values}) for name, values in tables.items()}


class _Tiers(TypeDecorator[tuple[Tier, ...]]):
    """The overage tiers, as JSON."""

    impl = JSON
    cache_ok = True

    def process_bind_param(
        self, value: tuple[Tier, ...] | None, dialect: Dialect
    ) -> list[dict[str, Any]]:
        del dialect
        return [asdict(tier) for tier in value or ()]

    def process_result_value(
        self, value: list[dict[str, Any]] | None, dialect: Dialect
    ) -> tuple[Tier, ...]:
        del dialect
        return tuple(Tier(**tier) for tier in value or ())


plans = Table(
    "plans",
    metadata,
    Column("name", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("key_prefix", Text, nullable=False),
    Column("key_length", BigInteger, nullable=False),
    Column("monthly_requests", BigInteger),
    Column("daily_requests", BigInteger),
    Column("minute_requests", BigInteger),
    Column("max_file_size", BigInteger, nullable=False),
    Column("max_keys", BigInteger),
    Column("overage", _Tiers, nullable=False),
    Column("signup_credits", BigInteger, nullable=False),
    Column("monthly_credits", BigInteger, nullable=False),
    Column("api_allowed", Boolean, nullable=False),
    Column("quota_per", Text, nullable=False),
)


def insert_missing(connection: Connection) -> None:
    """Add the shipped plans that are not there; what an operator edited stays as it is."""
    there = set(connection.scalars(select(plans.c.name)))
    missing = [plan for name, plan in shipped().items() if name not in there]
    if missing:
        connection.execute(plans.insert(), [_values(plan) for plan in missing])


def _values(plan: Plan) -> dict[str, Any]:
    # Not asdict(), which would take the tiers apart too.
    return {column.name: getattr(plan, column.name) for column in plans.c}


async def find(connection: AsyncConnection, *, name: str) -> Plan | None:
    """Return the plan called *name*."""
    row = (await connection.execute(select(plans).where(plans.c.name == name))).one_or_none()
    return record(Plan, row) if row else None


async def listed(connection: AsyncConnection) -> list[Plan]:
    """Return all plans by name."""
    rows = await connection.execute(select(plans).order_by(plans.c.name))
    return [record(Plan, row) for row in rows]


async def replace(connection: AsyncConnection, plan: Plan) -> None:
    """Write all fields of the plan that has *plan*'s name."""
    await connection.execute(plans.update().where(plans.c.name == plan.name).values(_values(plan)))
