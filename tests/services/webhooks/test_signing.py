"""Signatures, as a receiver checks them: with the published library, and by hand."""

import base64
import hashlib
import hmac

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from pixmill import clock
from pixmill.services.secret import Secret
from pixmill.services.webhooks import signing
from pixmill.stores.db import Database
from services.webhooks.office import SECRET, Office
from services.webhooks.receiver import Heard, Receiver

pytestmark = pytest.mark.anyio


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


@pytest.fixture
async def message(office: Office, receiver: Receiver) -> Heard:
    """Give a message that was sent just now, as receivers want it."""
    office.clock.moment = clock.now()
    await office.announce(receiver.url())
    await office.work()
    return receiver.heard[0]


def by_hand(secret: str, message: Heard) -> str:
    """Compute the signature from the words of the specification alone."""
    kind, _, key = secret.partition("_")
    assert kind == "whsec"
    signed = b".".join(
        [message.id.encode(), message.headers["webhook-timestamp"].encode(), message.body]
    )
    digest = hmac.new(base64.b64decode(key, validate=True), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


async def test_the_published_library_accepts_a_message(office: Office, message: Heard) -> None:
    secret = office.webhooks.secret_of(office.account_id)

    assert Webhook(secret).verify(message.body, message.headers) == {"about": "job_1", "é": 1}


async def test_the_signature_is_that_of_the_specification(office: Office, message: Heard) -> None:
    secret = office.webhooks.secret_of(office.account_id)

    assert message.headers["webhook-signature"] == by_hand(secret, message)
    assert int(message.headers["webhook-timestamp"]) == int(office.clock.moment.timestamp())


@pytest.mark.parametrize("changed", ["webhook-id", "webhook-timestamp", "body", "secret"])
async def test_nothing_of_a_message_can_be_changed(
    office: Office, message: Heard, changed: str
) -> None:
    headers, body = dict(message.headers), message.body
    secret = office.webhooks.secret_of(office.account_id)
    if changed == "body":
        body = body.replace(b"1", b"2")
    elif changed == "secret":
        secret = office.webhooks.secret_of("acc_of_somebody_else")
    else:
        headers[changed] = headers[changed][:-1] + ("1" if headers[changed][-1] != "1" else "2")

    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(secret).verify(body, headers)


async def test_a_secret_is_the_account_s_and_the_server_s() -> None:
    def secret_of(account_id: str, server: bytes = SECRET) -> str:
        return signing.secret_of(account_id, secret=Secret(server))

    key = base64.b64decode(secret_of("acc_1").removeprefix("whsec_"), validate=True)

    assert key == hmac.digest(SECRET, b"pixmill webhook 1: acc_1", "sha256")
    assert secret_of("acc_1") == secret_of("acc_1")
    assert len({secret_of("acc_1"), secret_of("acc_2"), secret_of("acc_1", bytes(32))}) == 3
