"""
Buckets of callers: results are put there with credentials that come along and are forgotten.

Only services that the operator names are ever asked, so nobody can send this server to an address
of their choice.
"""

import asyncio
import hashlib
import hmac
import logging
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Literal
from urllib.parse import quote, urlsplit

import httpx

from pixmill import clock, errors
from pixmill.services.fetching.fetcher import tls_context

AWS, GCS = "aws", "gcs"

#: What stands before the address of another server of Google's API.
_GCS_AT = "gcs+"

_GOOGLE = "https://storage.googleapis.com"

#: Seconds that storing one result may take.
TIMEOUT = 60.0

_REGION = re.compile(r"[a-z0-9-]{1,40}")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A place in a caller's bucket. What opens it is never printed."""

    service: Literal["s3", "gcs"]
    bucket: str
    key: str  #: of the object: the rest of the path
    region: str = "us-east-1"
    endpoint: str | None = None  #: of the S3 service; None: the operator's first
    access_key_id: str = field(default="", repr=False)
    secret_access_key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)  #: kept with the object


class Buckets:
    """
    The services that the operator allows.

    Each of *allowed* is `AWS`, `GCS`, the address of an S3 service, or that of a server of
    Google's API after ``gcs+``.
    """

    def __init__(self, allowed: Sequence[str], *, now: clock.Clock = clock.now) -> None:
        self._s3 = [each.rstrip("/") for each in allowed if not each.startswith(GCS)]
        self._gcs = [
            _GOOGLE if each == GCS else each.removeprefix(_GCS_AT).rstrip("/")
            for each in allowed
            if each.startswith(GCS)
        ]
        self._now = now
        logging.getLogger("httpx").setLevel(logging.WARNING)  # a line with the address for each

    def check(self, target: Target) -> None:
        """Raise BadOption when nothing may be put to *target*."""
        self._url(target)

    async def put(self, target: Target, *, data: bytes, mime: str) -> str:
        """Store *data*, and return its URL. Raises BadOption, and StoreFailed."""
        url = self._url(target)
        headers = {"content-type": mime, **target.headers}
        if target.service == "s3":
            headers = signed(url, headers, data, target=target, at=self._now())
        else:
            headers["authorization"] = f"Bearer {target.token}"
        try:
            async with (
                asyncio.timeout(TIMEOUT),
                httpx.AsyncClient(verify=self._tls, trust_env=False, timeout=TIMEOUT) as client,
            ):
                answer = await client.put(url, content=data, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise errors.StoreFailed(detail=type(error).__name__) from error
        if not answer.is_success:
            # What the service says may repeat what it was sent.
            raise errors.StoreFailed(
                f"The bucket's service answered {answer.status_code}.",
                detail=f"status {answer.status_code}",
            )
        return url

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return tls_context()

    def _url(self, target: Target) -> str:
        if not _BUCKET.fullmatch(target.bucket) or not target.key:
            raise errors.BadOption('"store.path" must be a bucket and a file, as in bucket/a.jpg.')
        # Dots would be resolved on the way, and then nobody knows what was signed.
        if any(part in {".", ".."} for part in (target.bucket, *target.key.split("/"))):
            raise errors.BadOption('"store.path" must not hold "." or "..".')
        if not _REGION.fullmatch(target.region):
            raise errors.BadOption('"store.region" must be the name of a region.')
        try:
            key = quote(target.key, safe="/-_.~")
        except UnicodeEncodeError as error:  # half of a pair, which JSON can hold and UTF-8 cannot
            raise errors.BadOption('"store.path" has characters that it cannot have.') from error
        return f"{self._base(target)}/{target.bucket}/{key}"

    def _base(self, target: Target) -> str:
        known = self._gcs if target.service == "gcs" else self._s3
        named = target.endpoint.rstrip("/") if target.endpoint else None
        found = named or (known[0] if known else None)
        if found not in known:
            raise errors.BadOption("This server does not store there: see PIXMILL_STORE_TO.")
        if found != AWS:
            return found
        return f"https://s3.{target.region}.amazonaws.com"


def signed(
    url: str, headers: Mapping[str, str], data: bytes, *, target: Target, at: datetime
) -> dict[str, str]:
    """Return *headers* for a PUT of *data* with what AWS Signature Version 4 adds."""
    parts = urlsplit(url)
    digest = hashlib.sha256(data).hexdigest()
    moment = f"{at:%Y%m%dT%H%M%SZ}"
    scope = f"{at:%Y%m%d}/{target.region}/s3/aws4_request"
    every = {name.lower(): " ".join(value.split()) for name, value in headers.items()} | {
        "host": parts.netloc,
        "x-amz-content-sha256": digest,
        "x-amz-date": moment,
    }
    names = ";".join(sorted(every))
    lines = "".join(f"{name}:{every[name]}\n" for name in sorted(every))
    request = f"PUT\n{parts.path}\n\n{lines}\n{names}\n{digest}"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{target.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return every | {
        "authorization": f"AWS4-HMAC-SHA256 Credential={target.access_key_id}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    }
