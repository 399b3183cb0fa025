"""The Tinify API puts results into buckets: S3 services that check signatures, and Google's."""

import obstore
import pytest
from obstore.store import S3Store

from dialects.tinify import Google, Shrinker, somebody
from pixmill.stores.objects import S3Access

from fixtures.buckets import ACCESS_KEY, SECRET_KEY
from fixtures.pictures import decoded
from fixtures.servers import RunningServer


@pytest.fixture(scope="module")
def shrinker(shrinking_server: RunningServer) -> Shrinker:
    return somebody(shrinking_server)


def s3(path: str, **more: object) -> dict[str, object]:
    return {
        "service": "s3",
        "aws_access_key_id": ACCESS_KEY,
        "aws_secret_access_key": SECRET_KEY,
        "region": "us-east-1",
        "path": path,
        **more,
    }


def stored(access: S3Access, key: str) -> tuple[bytes, dict[str, str]]:
    store = S3Store(
        "results",
        endpoint=access.endpoint,
        region=access.region,
        access_key_id=access.access_key_id,
        secret_access_key=access.secret_access_key,
        client_options={"allow_http": True},
    )
    found = obstore.get(store, key)
    return bytes(found.bytes()), {str(name): value for name, value in found.attributes.items()}


def test_a_result_is_put_into_the_first_service(
    shrinker: Shrinker, rclone: S3Access, jpeg: bytes
) -> None:
    made = shrinker.output(
        jpeg,
        resize={"method": "fit", "width": 100, "height": 100},
        store=s3("results/a folder/ä+1.jpg"),
    )
    data, _ = stored(rclone, "a folder/ä+1.jpg")

    assert (made.status_code, made.content) == (200, b"")
    assert made.headers["Location"] == f"{rclone.endpoint}/results/a%20folder/%C3%A4%2B1.jpg"
    assert (made.headers["Image-Width"], made.headers["Image-Height"]) == ("100", "75")
    assert decoded(data).size == (100, 75)


def test_another_service_can_be_named_and_headers_stay(
    shrinker: Shrinker, moto: S3Access, jpeg: bytes
) -> None:
    more = {"endpoint": moto.endpoint, "headers": {"Cache-Control": "public, max-age=31536000"}}
    made = shrinker.output(jpeg, store=s3("results/tinify/kept.jpg", **more))
    data, attributes = stored(moto, "tinify/kept.jpg")

    assert made.headers["Location"] == f"{moto.endpoint}/results/tinify/kept.jpg"
    assert decoded(data).format == "JPEG"
    assert attributes["Cache-Control"] == "public, max-age=31536000"
    assert attributes["Content-Type"] == "image/jpeg"


def test_a_result_is_put_into_a_bucket_of_google(
    shrinker: Shrinker, google: Google, jpeg: bytes
) -> None:
    store = {
        "service": "gcs",
        "gcp_access_token": google.token,
        "path": "pictures/of/me.webp",
        "headers": {"Cache-Control": "no-store"},
    }
    made = shrinker.output(jpeg, convert={"type": "image/webp"}, store=store)
    headers, data = google.objects["/pictures/of/me.webp"]

    assert made.headers["Location"] == f"{google.base_url}/pictures/of/me.webp"
    assert decoded(data).format == "WEBP"
    assert headers["Content-Type"] == "image/webp"
    assert headers["Cache-Control"] == "no-store"


def test_what_could_not_be_stored_is_not_charged(
    shrinking_server: RunningServer, google: Google, jpeg: bytes
) -> None:
    me = somebody(shrinking_server)
    wrong = s3("results/no.jpg") | {"aws_secret_access_key": "another"}
    token = {"service": "gcs", "gcp_access_token": google.token + "s", "path": "pictures/no.jpg"}
    location = me.shrink(jpeg).headers["Location"]
    for store in (wrong, s3("no-such-bucket/a.jpg"), token):
        body = {"resize": {"method": "scale", "width": 10}, "store": store}
        answer = me.request("POST", location, json=body)

        assert (answer.status_code, answer.json()["error"]) == (400, "Bad request"), answer.text
        assert answer.json()["message"].startswith("The bucket's service answered 4")
        assert answer.headers["Compression-Count"] == "1"


@pytest.mark.parametrize(
    ("store", "field"),
    [(s3("results/\ud800.jpg"), "path"), (s3("results/a.jpg", region="ä"), "region")],
)
def test_a_place_that_cannot_be_written_is_refused(
    shrinker: Shrinker, jpeg: bytes, store: dict[str, object], field: str
) -> None:
    answer = shrinker.output(jpeg, store=store)

    assert (answer.status_code, answer.json()["error"]) == (400, "Bad request")
    assert f"store.{field}" in answer.json()["message"]


def test_nobody_can_send_the_server_where_the_operator_does_not(
    shrinker: Shrinker, rclone: S3Access, jpeg: bytes
) -> None:
    places = (
        "http://127.0.0.1:1",
        "http://169.254.169.254",
        f"{rclone.endpoint}@evil.example",
        f"{rclone.endpoint}/more",
        "aws",
    )
    for endpoint in places:
        answer = shrinker.output(jpeg, store=s3("results/a.jpg", endpoint=endpoint))

        assert answer.status_code == 400
        assert "PIXMILL_STORE_TO" in answer.json()["message"]
