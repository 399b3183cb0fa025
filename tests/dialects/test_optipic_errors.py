"""The errors of OptiPic: every row of its table, and the order in which they are found."""

import re
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import requests
from PIL import Image

from pixmill.services.plans import Plans

from fixtures.pictures import encode, photo
from fixtures.servers import Client, RunningServer, opened, run

MIB = 1024 * 1024


def padded(jpeg: bytes, size: int) -> bytes:
    """Return *jpeg* with comments, so that it has *size* bytes."""
    head, tail = jpeg[:2], jpeg[2:]
    rest = size - len(jpeg)
    comments = bytearray()
    while rest:
        length = rest if rest <= 60_000 else min(50_000, rest - 4)
        comments += b"\xff\xfe" + struct.pack(">H", length - 2) + b"x" * (length - 4)
        rest -= length
    return head + bytes(comments) + tail


def bomb() -> bytes:
    """Return a PNG whose header promises 400 million pixels."""
    png = encode(Image.new("RGB", (8, 8)), "PNG")
    header = b"IHDR" + struct.pack(">II", 20_000, 20_000) + png[24:29]
    return png[:12] + header + struct.pack(">I", zlib.crc32(header)) + png[33:]


def check(answer: requests.Response, status: int, code: str, message: str) -> None:
    assert answer.status_code == status
    assert answer.json() == {"error": code, "message": message}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert re.fullmatch("req_[0-9a-z]{14}", answer.headers["X-Request-Id"])  # OP-78


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer op_live_nobody_has_this_key"},
        {"Authorization": "Bearer " + "x" * 5000},
        {"Authorization": "Basic bm9ib2R5Om5vdGhpbmc="},
        {"Authorization": "", "X-API-Key": "'; DROP TABLE keys"},
    ],
)
@pytest.mark.parametrize("path", ["/v1/compress", "/v1/convert", "/v1/resize"])
def test_nobody_is_served_without_a_key(
    client: Client, path: str, headers: dict[str, str], jpeg: bytes
) -> None:
    """OP-2, OP-3, OP-4, OP-8, OP-69."""
    answer = client.request("POST", path, headers=headers, files={"file": jpeg})

    check(answer, 401, "invalid_api_key", "Missing or invalid API key.")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="optipic"'


def test_every_way_to_send_a_key_works(server: RunningServer) -> None:
    """OP-7."""
    key = server.key()
    url = f"{server.base_url}/v1/usage"

    for headers in ({"Authorization": f"bearer  {key} "}, {"X-API-Key": key}):
        assert requests.get(url, headers=headers, timeout=10).status_code == 200
    for user in (("api", key), (key, "")):
        assert requests.get(url, auth=user, timeout=10).status_code == 200


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"file": "x"}'),
        ("application/x-www-form-urlencoded", b"file=x"),
        ("image/jpeg", b"\xff\xd8\xff"),
        ("multipart/form-data", b"--x--"),
        ("", b"x"),
    ],
)
def test_another_content_type_is_refused(client: Client, content_type: str, body: bytes) -> None:
    """OP-11, OP-70."""
    answer = client.request(
        "POST", "/v1/compress", headers={"Content-Type": content_type}, data=body
    )

    check(answer, 400, "invalid_content_type", "Request must use multipart/form-data.")


@pytest.mark.parametrize(
    "files",
    [
        {"image": ("photo.jpg", b"x")},
        {"format": (None, "webp")},
        {"file": ("", b"")},
    ],
)
def test_a_file_is_required(client: Client, files: dict[str, tuple[str | None, bytes]]) -> None:
    """OP-12, OP-71."""
    answer = client.request("POST", "/v1/compress", files=files)

    check(answer, 400, "missing_file", 'No "file" field in multipart body.')


def test_20_mib_pass_and_one_byte_more_does_not(client: Client, jpeg: bytes) -> None:
    """OP-73, OP-76, OP-82: on a plan that would allow more, too."""
    fits = client.post("/v1/compress", padded(jpeg, 20 * MIB))
    exceeds = client.post("/v1/compress", padded(jpeg, 20 * MIB + 1))

    assert fits.status_code == 200
    assert fits.headers["X-Original-Size"] == str(20 * MIB)
    check(exceeds, 413, "file_too_large", "File exceeds 20 MB limit.")


def test_the_limit_of_the_plan_counts_when_it_is_smaller(
    server: RunningServer, jpeg: bytes
) -> None:
    """OP-76: any key works here, and keeps the limits of its own plan."""
    run(limit_files(server, plan="smolpix-agency", size="1MiB"))
    caller = Client(base_url=server.base_url, key=server.key("smolpix-agency"))

    assert caller.post("/v1/compress", padded(jpeg, MIB)).status_code == 200
    check(
        caller.post("/v1/compress", padded(jpeg, MIB + 1)),
        413,
        "file_too_large",
        "File exceeds the limit of 1048576 bytes.",
    )


async def limit_files(server: RunningServer, *, plan: str, size: str) -> None:
    async with opened(server.database_url) as database:
        await Plans(database=database).change(name=plan, changes={"max_file_size": size})


def test_an_upload_that_is_no_image_cannot_be_processed(client: Client) -> None:
    """OP-75."""
    answer = client.post("/v1/compress", b"This is a text, whatever its name says.")

    check(
        answer,
        500,
        "processing_error",
        "Image could not be processed. The file is not an image of a supported format.",
    )


@pytest.mark.parametrize("path", ["/v1/compress", "/v1/convert", "/v1/resize"])
def test_a_broken_image_cannot_be_processed(client: Client, path: str) -> None:
    """OP-75."""
    upload = encode(photo(), "PNG")
    answer = client.post(path, upload[: len(upload) // 2], to="webp", width=100)

    assert answer.status_code == 500
    assert answer.json()["error"] == "processing_error"
    assert answer.json()["message"].startswith("Image could not be processed.")


def test_an_empty_file_cannot_be_processed(client: Client) -> None:
    """OP-75."""
    answer = client.post("/v1/compress", b"")

    assert (answer.status_code, answer.json()["error"]) == (500, "processing_error")


def test_a_bomb_is_refused_by_its_header(client: Client) -> None:
    """OP-81."""
    answer = client.post("/v1/compress", bomb())

    assert (answer.status_code, answer.json()["error"]) == (500, "processing_error")
    assert "50000000 pixels" in answer.json()["message"]


@pytest.mark.parametrize("value", ["gif", "heic", "jxl", "tiff", "image/png", "webp;", "*"])
def test_an_unknown_format_is_refused(client: Client, jpeg: bytes, value: str) -> None:
    """OP-31."""
    answer = client.post("/v1/compress", jpeg, format=value)

    check(answer, 400, "invalid_format", '"format" must be one of jpeg, png, webp, avif, or auto.')


@pytest.mark.parametrize("value", ["0", "101", "-1", "80.5", "high", "8e1"])
def test_an_impossible_quality_is_refused(client: Client, jpeg: bytes, value: str) -> None:
    """OP-32."""
    answer = client.post("/v1/compress", jpeg, quality=value)

    check(answer, 400, "invalid_quality", "The quality is not a whole number from 1 to 100.")


def test_an_unclear_truth_value_is_refused(client: Client, jpeg: bytes) -> None:
    """OP-33."""
    answer = client.post("/v1/compress", jpeg, strip_exif="maybe")

    check(answer, 400, "invalid_parameter", '"strip_exif" must be true or false.')


def test_a_malformed_form_is_refused(client: Client) -> None:
    answer = client.request(
        "POST",
        "/v1/compress",
        headers={"Content-Type": "multipart/form-data; boundary=x"},
        data=b"this is no form",
    )

    check(answer, 400, "invalid_request", "The multipart body cannot be read.")


def test_a_compressed_body_is_refused(client: Client, jpeg: bytes) -> None:
    answers = [
        client.request("POST", "/v1/compress", headers={"Content-Encoding": name},
                       files={"file": jpeg})
        for name in ("gzip", "identity")
    ]  # fmt: skip

    check(answers[0], 400, "invalid_request", "The body must not be compressed.")
    assert answers[1].status_code == 200


def test_a_body_that_ends_early_is_incomplete(client: Client) -> None:
    answer = client.request(
        "POST",
        "/v1/compress",
        headers={"Content-Type": "multipart/form-data; boundary=x"},
        data=b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nhalf a pic',
    )

    check(answer, 400, "upload_incomplete", "The body ended early, or came too slowly.")


def test_the_month_can_be_over(server: RunningServer, jpeg: bytes) -> None:
    """OP-68, OP-74, OP-79, OP-83, OP-86, OP-88: request 501 of a free key."""
    key = server.key("optipic-free")
    server.spend(key, 499)
    caller = Client(base_url=server.base_url, key=key)
    last = caller.post("/v1/compress", jpeg)
    refused = caller.post("/v1/compress", jpeg)
    body = refused.json()
    now = datetime.now(UTC)
    reset_at = datetime.fromisoformat(body["reset_at"])

    assert last.status_code == 200
    assert refused.status_code == 429
    assert set(body) == {"error", "message", "limit", "reset_at"}
    assert body["error"] == "rate_limit_exceeded"
    assert body["message"] == (
        "Monthly request limit reached. Upgrade to Pay-as-you-go at opti.pictures/pricing"
    )
    assert body["limit"] == 500
    assert re.fullmatch(r"\d{4}-\d\d-01T00:00:00\.000Z", body["reset_at"])
    assert abs((reset_at - now).total_seconds() - int(refused.headers["Retry-After"])) < 5
    assert re.fullmatch("req_[0-9a-z]{14}", refused.headers["X-Request-Id"])


def test_the_last_request_of_a_month_is_given_once(server: RunningServer, jpeg: bytes) -> None:
    """OP-83, OP-88: of ten at once, with one left."""
    key = server.key("optipic-free")
    server.spend(key, 499)
    caller = Client(base_url=server.base_url, key=key)
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda _: caller.post("/v1/compress", jpeg), range(10)))

    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 429, 503}  # 503: while it could still fail
    assert caller.post("/v1/compress", jpeg).status_code == 429


def test_who_pays_as_they_go_is_never_refused(server: RunningServer, jpeg: bytes) -> None:
    """OP-84, OP-88."""
    key = server.key("optipic-payg")
    server.spend(key, 500)
    answer = Client(base_url=server.base_url, key=key).post("/v1/compress", jpeg)

    assert answer.status_code == 200


def test_the_order_of_checks(server: RunningServer) -> None:
    """OP-9: key, quota, content type, size, fields, picture."""
    key = server.key("optipic-free")
    free, nobody = (
        Client(base_url=server.base_url, key=secret) for secret in (key, "op_live_nobody_at_all")
    )
    large, text = b"x" * (20 * MIB + 1), {"Content-Type": "text/plain"}

    # Each request has all faults from its own on.
    assert code(nobody.request("POST", "/v1/resize", headers=text, data=large)) == "invalid_api_key"
    assert code(free.request("POST", "/v1/resize", headers=text, data=large)) == (
        "invalid_content_type"
    )
    assert code(free.post("/v1/resize", large, format="gif")) == "file_too_large"
    assert code(free.post("/v1/resize", None, format="gif")) == "missing_file"
    assert code(free.post("/v1/resize", b"no image")) == "missing_dimensions"
    assert code(free.post("/v1/resize", b"no image", width=10, format="gif")) == "invalid_format"
    assert code(free.post("/v1/resize", b"no image", width=10)) == "processing_error"
    server.spend(key, 500)
    assert code(free.request("POST", "/v1/resize", headers=text, data=large)) == (
        "rate_limit_exceeded"
    )


def code(answer: requests.Response) -> str:
    error = answer.json()["error"]
    assert isinstance(error, str)
    return error


@pytest.mark.parametrize("path", ["/v1/compres", "/v1/", "/v1/compress/", "/v1/usage/today"])
def test_an_unknown_path_is_not_found(client: Client, path: str) -> None:
    """OP-80."""
    answer = client.request("POST", path)

    check(answer, 404, "not_found", "There is nothing here by that name.")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/compress", "OPTIONS, POST"),
        ("PUT", "/v1/convert", "OPTIONS, POST"),
        ("DELETE", "/v1/resize", "OPTIONS, POST"),
        ("POST", "/v1/usage", "GET, HEAD, OPTIONS"),
    ],
)
def test_another_method_is_refused(client: Client, method: str, path: str, allowed: str) -> None:
    """OP-80."""
    answer = client.request(method, path)

    check(answer, 405, "method_not_allowed", "This path does not answer to that method.")
    assert answer.headers["Allow"] == allowed


def test_the_name_of_a_request_is_always_new(client: Client) -> None:
    """OP-78."""
    sent = "req_01abc123def456"
    answers = [client.request("GET", "/v1/usage", headers={"X-Request-Id": sent}) for _ in range(2)]

    assert len({sent, *(answer.headers["X-Request-Id"] for answer in answers)}) == 3
