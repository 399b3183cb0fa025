"""What commands need that keep books: the services over the database."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from pixmill.cli.loading import load
from pixmill.services.accounts import Accounts
from pixmill.services.credits import Credits
from pixmill.services.keys import Keys
from pixmill.services.mail import Mail
from pixmill.services.plans import Plans
from pixmill.services.sign_ins.sign_ins import SignIns
from pixmill.services.sign_ins.types import Terms
from pixmill.services.usage import Usage
from pixmill.services.webhooks.log import DeliveryLog
from pixmill.settings import Settings
from pixmill.stores.db import Database
from pixmill.stores.schema import migrate

T = TypeVar("T")

DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder for the database; also PIXMILL_DATA_DIR."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The services that need nothing but the database."""

    accounts: Accounts
    sign_ins: SignIns
    keys: Keys
    plans: Plans
    usage: Usage
    credits: Credits
    deliveries: DeliveryLog
    database: Database


def run(data_dir: Path | None, work: Callable[[Books], Awaitable[T]]) -> T:
    """Do *work* on the database of *data_dir*, which is made or brought up to date first."""
    settings = load(data_dir)
    migrate(settings.resolved_database_url)
    return asyncio.run(_run(settings, work))


async def _run(settings: Settings, work: Callable[[Books], Awaitable[T]]) -> T:
    database = Database(settings.resolved_database_url)
    sign_ins = SignIns(database=database, terms=Terms.of(settings), mail=Mail.of(settings))
    try:
        return await work(
            Books(
                accounts=Accounts(database=database),
                sign_ins=sign_ins,
                keys=Keys(database=database),
                plans=Plans(database=database),
                usage=Usage(database=database),
                credits=Credits(database=database),
                deliveries=DeliveryLog(database=database),
                database=database,
            )
        )
    finally:
        await sign_ins.close()
        await database.close()
