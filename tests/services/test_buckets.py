"""Which buckets may be written to; the dialects' tests write to some."""

from dataclasses import replace

import pytest

from pixmill import errors
from pixmill.services.buckets import Buckets, Target

pytestmark = pytest.mark.anyio

S3 = Target(
    service="s3",
    bucket="pictures",
    key="of/me.jpg",
    access_key_id="an-id",
    secret_access_key="a-secret",
)
GCS = Target(service="gcs", bucket="pictures", key="of/me.jpg", token="a-token")
MINIO = "http://minio.internal:9000"


@pytest.mark.parametrize(
    ("allowed", "target"),
    [
        ((), S3),
        ((), GCS),
        (("gcs",), S3),
        (("aws", MINIO), GCS),
        (("aws",), replace(S3, endpoint=MINIO)),
        ((MINIO,), replace(S3, endpoint="aws")),
        ((MINIO,), replace(S3, endpoint=f"{MINIO}@evil.example")),
        (("gcs",), replace(GCS, endpoint="http://metadata.google.internal")),
        (("aws",), replace(S3, region="evil.example/")),
        (("aws",), replace(S3, region="")),
        ((MINIO,), replace(S3, region="Bielefeld/ä")),
        (("aws",), replace(S3, bucket="a/b")),
        (("aws",), replace(S3, bucket="..")),
        (("aws",), replace(S3, key="")),
        (("aws",), replace(S3, key="../other/a.jpg")),
        (("aws",), replace(S3, key="of/me\ud800.jpg")),
        (("gcs",), replace(GCS, key="of/me\ud800.jpg")),
    ],
)
def test_what_an_operator_does_not_allow_is_refused(
    allowed: tuple[str, ...], target: Target
) -> None:
    with pytest.raises(errors.BadOption):
        Buckets(allowed).check(target)


@pytest.mark.parametrize(
    ("allowed", "target"),
    [
        (("aws", "gcs"), S3),
        (("aws", "gcs"), GCS),
        (("aws", MINIO), replace(S3, endpoint=f"{MINIO}/")),
        ((f"gcs+{MINIO}",), GCS),
    ],
)
def test_what_an_operator_allows_is_not(allowed: tuple[str, ...], target: Target) -> None:
    Buckets(allowed).check(target)


async def test_a_service_that_is_away_is_told_of_and_no_secret_is() -> None:
    with pytest.raises(errors.StoreFailed) as raised:
        await Buckets(("http://127.0.0.1:1",)).put(S3, data=b"1", mime="image/png")

    assert "127" not in f"{raised.value} {raised.value.detail}"
    assert not {"an-id", "a-secret", "a-token"} & set(f"{S3} {GCS}".replace("'", " ").split())
