"""`pixmill.client` against a real server, over wires that hold and wires that break."""

import asyncio
import io
import json
import zipfile
from pathlib import Path

import httpx
import pytest

from client.conftest import NewWire
from pixmill.client import (
    AsyncPixmill,
    ConnectionFailed,
    NotFound,
    Pixmill,
    QuotaExceeded,
    Refused,
    Unauthorized,
    conversations,
    wire,
)
from pixmill.client.steps import ONCE, Lost, Patience, Reply, Send

from fixtures.pictures import decoded, encode, graphic, photo
from fixtures.servers import RunningServer

PHOTO = encode(photo(), "JPEG", quality=95)


def used(server: RunningServer, key: str) -> int:
    with Pixmill(server.base_url, key) as client:
        return client.usage().requests


def test_one_picture_and_what_it_costs(server, tmp_path):
    key = server.key()
    path = tmp_path / "photo.jpg"
    path.write_bytes(PHOTO)
    with Pixmill(server.base_url, key) as client:
        first = client.optimize(path, target=70, keep_exif=True)
        again = client.optimize(PHOTO, target=70, keep_exif=True)
        webp = client.convert(path, "webp")
        small = client.resize(path, width=64, quality=60)
        usage = client.usage()

    assert decoded(first.data).format == "JPEG"
    assert first.optimized_size == len(first.data) < first.original_size == len(PHOTO)
    assert first.score is not None
    assert abs(first.score - 70) <= 3
    assert again.cached
    assert again.data == first.data
    assert webp.format == "webp"
    assert decoded(small.data).size == (64, 48)
    assert usage.requests == 3  # what the server knows already costs nothing
    assert usage.period


def test_a_picture_that_is_awaited(server, key):
    async def both() -> tuple[bytes, int]:
        async with AsyncPixmill(server.base_url, key) as client:
            one, other = await asyncio.gather(
                client.convert(PHOTO, "webp"), client.resize(PHOTO, height=30)
            )
            done = await client.batch([("a.jpg", PHOTO)], format="webp")
            assert await client.download(done.items[0]) == one.data
            return one.data, other.height

    data, height = asyncio.run(both())

    assert decoded(data).format == "WEBP"
    assert height == 30


def test_a_batch_in_chunks_tells_of_each_file(server, key, tmp_path):
    path = tmp_path / "p.png"
    path.write_bytes(encode(graphic(), "PNG"))
    files: list[tuple[str, bytes | Path]] = [
        (f"{number}.jpg", encode(photo(64, 48, seed=number), "JPEG")) for number in range(60)
    ]
    files[3] = ("notes.txt", b"no picture")
    files[55] = ("p.png", path)
    seen: list[int] = []
    with Pixmill(server.base_url, key) as client:
        done = client.batch(files, progress=lambda batch: seen.append(batch.completed), quality=50)
        again = client.follow(done.id)
        data = client.download(done.items[55])
        archive = zipfile.ZipFile(io.BytesIO(client.archive(done.id)))
        none = client.batch([("notes.txt", b"no picture")])

    assert [each.index for each in done.items] == list(range(60))
    assert [each.filename for each in done.items] == [name for name, _ in files]
    assert done.total == done.completed == 59
    assert done.over
    assert done.items[3].status == "rejected"
    assert done.items[3].error is not None
    assert done.items[3].error.code == "decode_failed"
    assert decoded(data).format == "PNG"
    assert seen == sorted(seen)
    assert seen[-1] == 59
    assert again.status == done.status
    assert len(archive.namelist()) == 59
    assert [each.status for each in none.items] == ["rejected"]


def test_jobs(server, key):
    with Pixmill(server.base_url, key) as client:
        begun = client.submit(PHOTO, format="webp", width=50)
        done = client.wait(begun.id)
        data = client.download(done)
        with pytest.raises(NotFound) as unknown:
            client.job("0" * 32)

    assert begun.status == "queued"
    assert done.status == "completed"
    assert decoded(data).width == 50
    assert (unknown.value.code, unknown.value.status) == ("job_not_found", 404)
    assert unknown.value.request_id


def test_an_analysis_without_a_model_has_facts(server, key):
    with Pixmill(server.base_url, key) as client:
        analysis = client.analyze(PHOTO)

    assert analysis.engine == "local"
    assert analysis.facts["width"] == 320
    assert analysis.metadata["alt"] is None


def test_what_is_refused_has_a_type_a_code_and_an_id(server, key):
    with Pixmill(server.base_url, key) as client:
        with pytest.raises(Refused) as unreadable:
            client.optimize(b"no picture")
        with pytest.raises(Refused) as wrong:
            client.optimize(PHOTO, quality=101)
    with Pixmill(server.base_url, "wrong") as client, pytest.raises(Unauthorized) as unknown:
        client.optimize(PHOTO)
    poor = server.key("optimagio-free")
    server.spend(poor, 100)
    with Pixmill(server.base_url, poor) as client, pytest.raises(QuotaExceeded) as exceeded:
        client.optimize(PHOTO)

    assert (unreadable.value.status, unreadable.value.code) == (422, "decode_failed")
    assert (wrong.value.status, wrong.value.code) == (400, "invalid_quality")
    assert (unknown.value.status, unknown.value.code) == (401, "unauthorized")
    assert (exceeded.value.status, exceeded.value.code) == (429, "quota_exceeded")
    for error in (unreadable, wrong, unknown, exceeded):
        assert error.value.request_id
        assert error.value.message == str(error.value)


@pytest.mark.parametrize("cut", ["request", "answer"])
def test_what_breaks_is_sent_again_and_charged_once(server, wire: NewWire, cut):
    key = server.key()
    broken = wire([cut, None, cut, None, cut, None])
    files: list[tuple[str, bytes | Path]] = [
        (f"{number}.jpg", encode(photo(64, 48, seed=number), "JPEG")) for number in range(3)
    ]
    with Pixmill(broken.base_url, key) as client:
        one = client.optimize(PHOTO, format="webp")
    # Each call has a connection of its own, so that each is cut.
    with Pixmill(broken.base_url, key) as client:
        batch = client.batch(files, format="webp")
    with Pixmill(broken.base_url, key) as client:
        job = client.wait(client.submit(PHOTO, width=31).id)

    assert broken.connections >= 6
    assert decoded(one.data).format == "WEBP"
    assert batch.completed == 3
    assert job.status == "completed"
    assert used(server, key) == 5


def test_a_server_that_is_not_there_is_given_up(wire: NewWire):
    dead = wire(["request"] * 100)
    with Pixmill(dead.base_url, "key", tries=3) as client, pytest.raises(ConnectionFailed) as gone:
        client.usage()

    assert gone.value.status is None
    assert dead.connections == 3


def test_when_to_try_again():
    patience = Patience(tries=3, longest=20)

    def wait(status: int, code: str, attempt: int = 1, **headers: str) -> float | None:
        reply = Reply(
            status,
            {name.replace("_", "-"): value for name, value in headers.items()},
            f'{{"code": "{code}"}}'.encode(),
        )
        return patience.before(attempt, reply)

    assert wait(429, "rate_limited", retry_after="7") == 7
    assert wait(503, "server_busy", retry_after="7000") == 20
    assert wait(409, "idempotency_in_progress", retry_after="1") == 1
    assert (wait(502, "") or 0) > 0
    assert (patience.before(2, Lost("cut")) or 0) > 0
    for status, code in ((429, "quota_exceeded"), (409, "conflict"), (422, "x"), (401, "x")):
        assert wait(status, code) is None
    assert wait(503, "server_busy", attempt=3) is None
    assert patience.before(3, Lost("cut")) is None


@pytest.mark.parametrize(
    ("base", "path", "asked"),
    [
        ("http://host", "/results/a?b=c", "/results/a?b=c"),
        ("http://host/pix", "/pix/results/a?b=c", "/pix/results/a?b=c"),
        ("http://host/pix", "/results/a", "/pix/results/a"),
        ("http://host/pix", "/pixels/a", "/pix/pixels/a"),
    ],
)
def test_a_link_leads_to_its_result_also_behind_a_prefix(base, path, asked):
    with httpx.Client(**wire.settings(base, 1)) as client:
        send = next(conversations.download(f"https://public.example{path}", ONCE))
        assert isinstance(send, Send)
        request = client.build_request(**wire.request(send, "key", client.base_url))

    assert str(request.url) == f"http://host{asked}"
    assert "Authorization" not in request.headers


def test_a_session_is_deleted_also_when_its_question_got_no_answer():
    image = {"id": "i", "uploadPath": "p", "originalFilename": "f"}
    session = json.dumps({"sessionId": "s", "images": [image]}).encode()
    analysis = conversations.analyze(PHOTO, ONCE)
    next(analysis)
    analysis.send(Reply(200, {}, session))

    last = analysis.send(Lost("cut"))

    assert last == Send(method="DELETE", path="/v1/sessions/s")
    with pytest.raises(ConnectionFailed, match="cut"):
        analysis.send(Lost("cut again"))
