"""The errors of Optimagio, and its limits."""

import asyncio

import pytest
import requests

from dialects.optimagio import check, optimize
from pixmill import errors
from pixmill.services.keys import Keys
from pixmill.services.plans import Plans
from pixmill.settings import variable
from pixmill.stores.plans import Plan

from fixtures.pictures import encode, photo
from fixtures.servers import Client, OwnServer, RunningServer, opened, run

MIB = 1024 * 1024


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer opt_nobody_has_this_key"},
        {"Authorization": "", "X-API-Key": "opt_nobody_has_this_key"},
    ],
)
def test_nobody_is_served_without_a_key(
    client: Client, jpeg: bytes, headers: dict[str, str]
) -> None:
    """OG-3, OG-4, OG-10, OG-83, OG-87."""
    answer = optimize(client, jpeg, headers=headers)
    body = check(answer, 401, "unauthorized")

    assert set(body) == {"error", "code", "details", "request_id"}
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("content_type", ["text/plain", "image/jpeg", ""])
def test_another_kind_of_body_is_refused(client: Client, content_type: str) -> None:
    """OG-30, OG-88."""
    answer = client.request(
        "POST", "/api/optimize", headers={"Content-Type": content_type}, data=b"\xff\xd8\xff"
    )

    check(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("body", [b"{", b"[]", b'"url"', b"\xff"])
def test_json_must_be_an_object(client: Client, body: bytes) -> None:
    """OG-30."""
    answer = client.request(
        "POST", "/api/optimize", headers={"Content-Type": "application/json"}, data=body
    )

    check(answer, 400, "invalid_request")


@pytest.mark.parametrize(
    ("fields", "code", "named"),
    [
        ({"format": "heic"}, "invalid_format", "jpeg, png, webp, gif, avif, or auto"),
        ({"format": "jxl"}, "invalid_format", "jpeg, png, webp, gif, avif, or auto"),
        ({"compression": "ultra"}, "invalid_compression", "low, medium, high, max, lossless"),
        ({"compression": "9"}, "invalid_compression", "low, medium, high, max, lossless"),
        ({"quality": "0"}, "invalid_quality", "1 to 100"),
        ({"quality": "101"}, "invalid_quality", "1 to 100"),
        ({"quality": "good"}, "invalid_quality", "1 to 100"),
        ({"width": "8001"}, "invalid_dimensions", '"width" must be a whole number from 1 to 8000'),
        ({"max_height": "0"}, "invalid_dimensions", '"max_height"'),
        ({"height": "-5"}, "invalid_dimensions", '"height"'),
        ({"max_width": "50%"}, "invalid_dimensions", '"max_width"'),
        ({"keep_exif": "perhaps"}, "invalid_parameter", '"keep_exif"'),
        ({"accept_file": "2"}, "invalid_parameter", '"accept_file"'),
        ({"storage_commit": "later"}, "invalid_parameter", '"storage_commit"'),
        ({"target": "200"}, "invalid_parameter", '"target"'),
        ({"format": "jpeg", "compression": "lossless"}, "invalid_parameter", "without loss"),
    ],
)
def test_a_value_that_cannot_be_is_named(
    client: Client, png: bytes, fields: dict[str, str], code: str, named: str
) -> None:
    """OG-19, OG-34, OG-37, OG-83, OG-88."""
    assert named in check(optimize(client, png, **fields), 400, code)["error"]


def test_the_accept_header_may_exclude_everything(client: Client, png: bytes) -> None:
    """OG-38."""
    answer = optimize(client, png, format="auto", headers={"Accept": "image/svg+xml"})

    check(answer, 400, "invalid_format")


@pytest.mark.parametrize(
    ("upload", "reason"),
    [
        (b"This is a text, whatever its name says.", "unsupported_format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_format"),
        (b"", "unsupported_format"),
        (encode(photo(), "PNG")[:2000], "unreadable_image"),
    ],
    ids=["text", "svg", "nothing", "half"],
)
@pytest.mark.parametrize("fields", [{}, {"format": "webp"}])
def test_what_is_no_image_cannot_be_decoded(
    client: Client, upload: bytes, reason: str, fields: dict[str, str]
) -> None:
    """OG-88."""
    body = check(optimize(client, upload, **fields), 422, "decode_failed")

    assert body["details"] == {"reason": reason}


def test_a_size_that_cannot_be_made_is_refused(client: Client, jpeg: bytes) -> None:
    check(optimize(client, jpeg, format="webp", max_bytes=10), 422, "does_not_fit")


def test_a_file_may_have_as_many_bytes_as_the_plan_says(server: RunningServer, jpeg: bytes) -> None:
    """OG-89: padding after the end of a JPEG is no part of the picture."""
    client = Client(base_url=server.base_url, key=server.key("optimagio-free"))
    fits = optimize(client, jpeg.ljust(25 * MIB, b"\0"), quality=60)
    body = check(optimize(client, jpeg.ljust(25 * MIB + 1, b"\0")), 413, "file_too_large")

    assert fits.json()["original_size"] == 25 * MIB
    assert body["details"] == {"limit": 25 * MIB}


def test_what_takes_too_long_is_given_up_and_not_queued(own_server: OwnServer) -> None:
    """OG-42: the time is what the server gives to one image."""
    server = own_server(**{variable("job_timeout"): "0.05"})
    client = Client(base_url=server.base_url, key=server.key())
    answer = optimize(client, encode(photo(1200, 900), "PNG"), format="avif", compression="max")

    check(answer, 504, "processing_timeout")


def test_the_minute_can_be_used_up(server: RunningServer, jpeg: bytes) -> None:
    """OG-85, OG-86: 60 a minute on the free plan, whatever comes of them."""
    key = server.key("optimagio-free")
    with requests.Session() as session:
        session.headers["X-API-Key"] = key
        answers = [session.post(f"{server.base_url}/api/optimize", timeout=10) for _ in range(61)]
    refused = answers[-1]
    details = check(refused, 429, "rate_limited")["details"]
    headers = refused.headers

    assert {answer.status_code for answer in answers[:-1]} == {415}
    assert [answers[0].headers[f"X-RateLimit-{name}"] for name in ("Limit", "Remaining")] == [
        "60",
        "59",
    ]
    assert [headers[f"X-RateLimit-{name}"] for name in ("Limit", "Remaining")] == ["60", "0"]
    assert headers["X-RateLimit-Reset"] == headers["Retry-After"]
    assert 1 <= int(headers["Retry-After"]) <= 60
    assert (details["limit"], details["window"]) == (60, "minute")
    assert details["retry_after"] == int(headers["Retry-After"])
    check(optimize(Client(base_url=server.base_url, key=key), jpeg), 429, "rate_limited")


def test_the_month_can_be_used_up(server: RunningServer, jpeg: bytes) -> None:
    """OG-81, OG-82, OG-86: image 101 of a free key, which needs no card."""
    key = server.key("optimagio-free")
    server.spend(key, 99)
    client = Client(base_url=server.base_url, key=key)
    last = optimize(client, jpeg, quality=60)
    refused = optimize(client, jpeg, quality=61)
    body = check(refused, 429, "quota_exceeded")

    assert last.status_code == 200
    assert (body["limit"], body["used"]) == (100, 100)
    assert body["reset_at"].endswith("-01T00:00:00Z")
    assert int(refused.headers["Retry-After"]) >= 1


def test_nobody_is_limited_whose_plan_does_not_say_so(client: Client, jpeg: bytes) -> None:
    """OG-85: the default plan has no limits, and no headers that tell of them."""
    answer = optimize(client, jpeg, quality=60)

    assert not [name for name in answer.headers if name.lower().startswith("x-ratelimit")]


@pytest.mark.parametrize(
    ("plan", "numbers"),
    [
        ("optimagio-free", (60, 100, 1, 25)),
        ("optimagio-starter", (300, 5_000, 3, 50)),
        ("optimagio-pro", (1_000, 50_000, 10, 50)),
        ("optimagio-business", (3_000, 200_000, 25, 100)),
        ("optimagio-scale", (None, 500_000, None, 100)),
    ],
)
def test_the_plans_are_the_published_ones(
    server: RunningServer, plan: str, numbers: tuple[int | None, ...]
) -> None:
    """OG-5, OG-7, OG-79, OG-81, OG-85, OG-89: a minute, a month, keys, MiB."""

    async def read() -> Plan:
        async with opened(server.database_url) as database:
            return await Plans(database=database).find(name=plan)

    found = run(read())

    assert numbers == (
        found.minute_requests,
        found.monthly_requests,
        found.max_keys,
        found.max_file_size / MIB,
    )
    assert found.key_prefix == "opt_"
    assert server.key(plan).startswith("opt_")


def test_one_key_more_than_the_plan_has_is_refused(server: RunningServer) -> None:
    """OG-5 to OG-8: keys that were revoked do not count, and no key is stored as it is."""

    async def make() -> tuple[str, bytes]:
        async with opened(server.database_url) as database:
            keys = Keys(database=database)
            first = await keys.create(plan="optimagio-free")
            account = first.key.account_id
            with pytest.raises(errors.KeyLimitReached) as refusal:
                await keys.create(account=account)
            await keys.revoke(id_=first.key.id)
            await keys.create(account=account)
            assert refusal.value.code == "key_limit_reached"
            files = server.data_dir.glob("pixmill.db*")
            return first.secret, b"".join(
                [await asyncio.to_thread(path.read_bytes) for path in files]
            )

    secret, stored = run(make())

    assert secret.encode() not in stored


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/api/optimize/more", {}),
        ("/api/files/", {}),
        ("/nowhere", {"Host": "optimagio.com"}),
        ("/nowhere", {"Host": "api.optimagio.dev:443"}),
        ("/nowhere", {"X-API-Key": "opt_nobody_has_this_key"}),
    ],
)
def test_what_is_not_there_is_worded_too(
    server: RunningServer, path: str, headers: dict[str, str]
) -> None:
    """OG-1, OG-2, OG-87."""
    answer = requests.get(f"{server.base_url}{path}", headers=headers, timeout=10)

    check(answer, 404, "not_found")


def test_another_method_is_worded_too(server: RunningServer) -> None:
    """OG-87."""
    answer = requests.get(f"{server.base_url}/api/optimize", timeout=10)
    body = check(answer, 405, "method_not_allowed")

    assert answer.headers["Allow"] == "OPTIONS, POST"
    assert body["details"] == {"allowed": ["OPTIONS", "POST"]}
