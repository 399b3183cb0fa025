"""Signatures: how a receiver knows that a message is ours, as Standard Webhooks 1.0 says."""

import base64
from datetime import datetime

from standardwebhooks import Webhook

from pixmill.services.secret import Secret


def secret_of(account_id: str, *, secret: Secret) -> str:
    """
    Return what the account's messages are signed with.

    It is made of the server's *secret*, so that all nodes know it and nothing has to be stored.
    """
    key = secret.derive(f"pixmill webhook 1: {account_id}")
    return f"whsec_{base64.b64encode(key).decode()}"


def signature(secret: str, *, id_: str, now: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that go with *body*; *secret* is the account's, *now* in UTC."""
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(id_, now, body.decode()),
    }
