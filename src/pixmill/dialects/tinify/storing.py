"""From the JSON of ``store`` to a place in somebody's bucket."""

import re
from collections.abc import Mapping

from pixmill import errors
from pixmill.http import fields
from pixmill.services.buckets import Target

#: Headers that may be kept with an object.
HEADERS = ("cache-control", "expires", "content-disposition", "content-language")

# Also of secrets: they become part of headers.
_PRINTABLE = re.compile(r"[\x20-\x7e]{1,4096}")


def target(given: Mapping[str, object]) -> Target:
    """Return where *given* wants the result. Raises BadOption."""
    service = fields.text(given, "service")
    bucket, _, key = _needed(given, "path").strip("/").partition("/")
    headers = _headers(given.get("headers"))
    match service:
        case "s3":
            return Target(
                service="s3",
                bucket=bucket,
                key=key,
                region=fields.text(given, "region") or "us-east-1",
                endpoint=fields.text(given, "endpoint"),
                access_key_id=_needed(given, "aws_access_key_id"),
                secret_access_key=_needed(given, "aws_secret_access_key"),
                headers=headers,
            )
        case "gcs":
            return Target(
                service="gcs",
                bucket=bucket,
                key=key,
                endpoint=fields.text(given, "endpoint"),
                token=_needed(given, "gcp_access_token"),
                headers=headers,
            )
    raise errors.BadOption('"store.service" must be s3 or gcs.')


def _needed(given: Mapping[str, object], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value.strip():
        raise errors.BadOption(f'"store.{name}" is missing.')
    # A path may have any letters; credentials go into headers as they are.
    if name != "path" and not _PRINTABLE.fullmatch(value):
        raise errors.BadOption(f'"store.{name}" has characters that it cannot have.')
    return value.strip()


def _headers(given: object) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise errors.BadOption('"store.headers" must be an object.')
    found = {}
    for name, value in given.items():
        if name.lower() not in HEADERS:
            raise errors.BadOption(f'"store.headers" may be {", ".join(HEADERS)}.')
        if not isinstance(value, str) or not _PRINTABLE.fullmatch(value):
            raise errors.BadOption(f'"store.headers" has no text for {name.lower()}.')
        found[name.lower()] = value
    return found
