"""What is left of a minute, for answers to those who have no key that works."""

from starlette.requests import HTTPConnection

from pixmill import errors
from pixmill.http.record import record_of
from pixmill.services.limits import Allowance, RateLimits


async def count_anonymous(connection: HTTPConnection, limits: RateLimits) -> None:
    """
    Count the request to its sender's address, and write down what is left (OS-92).

    Never raises: who gets a key wrong too often still hears that it is wrong.
    """
    address = connection.client.host if connection.client else ""
    try:
        left = await limits.spend_anonymous(address=address)
    except errors.RateLimited as error:
        left = Allowance(limit=error.limit, remaining=0, reset_seconds=error.retry_after)
    except errors.Unavailable:
        left = None
    record_of(connection).allowance = left
