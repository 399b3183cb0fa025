"""The log of deliveries: what the operator sees of them, and can do about them."""

from pixmill import clock, errors
from pixmill.services import accounts
from pixmill.services.webhooks.types import Attempt, Delivery, Endpoint, State
from pixmill.stores import deliveries, endpoints
from pixmill.stores.db import Database


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

    async def find(self, *, id_: str) -> tuple[Delivery, list[Attempt]]:
        """Return a delivery and its attempts that have ended. Raises NotFound."""
        async with self._database.reading() as connection:
            delivery = await deliveries.find(connection, id_=id_)
            if delivery is None:
                raise errors.NotFound(f"There is no delivery {id_}.")
            return delivery, await deliveries.made(connection, id_=id_)

    async def replay(self, *, id_: str) -> Delivery:
        """
        Have a message delivered once more, in whatever state it is, as soon as a server sees it.

        It is the same message, with the same id and the same bytes, on a schedule that begins anew.
        One that is on its way is left alone. Raises NotFound, and Refused when its URL is disabled.
        """
        async with self._database.transaction() as connection:
            delivery = await deliveries.find(connection, id_=id_)
            if delivery is None:
                raise errors.NotFound(f"There is no delivery {id_}.")
            if await endpoints.is_disabled(
                connection, account_id=delivery.account_id, url=delivery.url
            ):
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
