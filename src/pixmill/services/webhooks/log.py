"""The log of deliveries: what the operator sees of them, and can do about them."""

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import clock, errors
from pixmill.services import accounts
from pixmill.services.webhooks.types import Attempt, Delivery, Endpoint, Receiver, State
from pixmill.stores import deliveries, endpoints
from pixmill.stores.db import Database

#: URLs that are told of at one time.
MOST_RECEIVERS = 50


class DeliveryLog:
    """Deliveries, as long as they are remembered."""

    def __init__(self, *, database: Database, now: clock.Clock = clock.now) -> None:
        self._database = database
        self._now = now

    async def listed(
        self, *, account: str | None = None, state: State | None = None, limit: int = 100
    ) -> list[Delivery]:
        """Return deliveries of *account*, an id or an e-mail address; the newest first."""
        async with self._database.reading() as connection:
            owner = await accounts.find(connection, name=account) if account else None
            return await deliveries.listed(
                connection, account_id=owner.id if owner else None, state=state, limit=limit
            )

    async def page(
        self,
        *,
        account_id: str,
        start: int,
        limit: int,
        state: State | None = None,
        url: str | None = None,
    ) -> list[tuple[Delivery, Attempt | None]]:
        """Return deliveries of an account, the newest first, each with its last attempt."""
        async with self._database.reading() as connection:
            found = await deliveries.listed(
                connection, account_id=account_id, state=state, url=url, start=start, limit=limit
            )
            last = await deliveries.last_attempts(connection, ids=[each.id for each in found])
        return [(delivery, last.get(delivery.id)) for delivery in found]

    async def receivers(self, *, account_id: str) -> list[Receiver]:
        """Return the URLs that messages of the account were sent to, the last used first."""
        async with self._database.reading() as connection:
            return await deliveries.receivers(
                connection, account_id=account_id, limit=MOST_RECEIVERS
            )

    async def find(
        self, *, id_: str, account_id: str | None = None
    ) -> tuple[Delivery, list[Attempt]]:
        """
        Return a delivery and its attempts that have ended.

        Raises NotFound, with *account_id* also for one of somebody else.
        """
        async with self._database.reading() as connection:
            delivery = await _find(connection, id_, account_id)
            return delivery, await deliveries.made(connection, id_=id_)

    async def replay(self, *, id_: str, account_id: str | None = None) -> Delivery:
        """
        Have a message delivered once more, in whatever state it is, as soon as a server sees it.

        It is the same message, with the same id and the same bytes, on a schedule that begins anew.
        One that is on its way is left alone. Raises as `find`, and Refused for a disabled URL.
        """
        async with self._database.transaction() as connection:
            delivery = await _find(connection, id_, account_id)
            if await endpoints.is_disabled(
                connection, account_id=delivery.account_id, url=delivery.url
            ):
                if account_id:
                    raise errors.Refused("The URL wants no more messages. First send there again.")
                raise errors.Refused(
                    "The URL wants no more messages of this account. To send them nevertheless: "
                    f"`pixmill webhooks enable URL --account {delivery.account_id}`."
                )
            again = await deliveries.replay(connection, id_=id_, now=self._now())
        return again or delivery

    async def disabled(self, *, account: str | None = None) -> list[Endpoint]:
        """Return the URLs that messages of *account*, or of anybody, are not sent to any more."""
        async with self._database.reading() as connection:
            owner = await accounts.find(connection, name=account) if account else None
            return await endpoints.listed(connection, account_id=owner.id if owner else None)

    async def enable(self, *, url: str, account: str) -> None:
        """Have messages of *account* sent to *url* again. Raises NotFound when they are."""
        async with self._database.transaction() as connection:
            owner = await accounts.find(connection, name=account)
            if not await endpoints.enable(connection, account_id=owner.id, url=url):
                raise errors.NotFound(f"{url} is not disabled for account {owner.id}.")


async def _find(connection: AsyncConnection, id_: str, account_id: str | None) -> Delivery:
    delivery = await deliveries.find(connection, id_=id_)
    if delivery is None or account_id not in {None, delivery.account_id}:
        raise errors.NotFound(f"There is no delivery {id_}.")
    return delivery
