"""Optimagio's jobs: POST, GET and DELETE /api/v1/jobs, and async=true."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from dialects.optimagio import (
    JOBS,
    NINE,
    age,
    check,
    fresh,
    job,
    optimize,
    over,
    result,
    slow,
    someone,
    submit,
    until,
)

from fixtures.origins import Origin
from fixtures.pictures import decoded, encode, photo
from fixtures.servers import RunningServer

#: Images of a month of the plan that `someone` has.
MONTH = 50_000

FIELDS = [
    "job_id", "status", "created_at", "started_at", "finished_at", "progress", "result", "error",
]  # fmt: skip


def test_a_file_is_a_job(either_server: RunningServer, jpeg: bytes) -> None:
    """OG-73, OG-74, OG-75: accepted at once, and asked about until it is done."""
    client = someone(either_server)
    answer = submit(client, jpeg, format="webp", width=100)
    accepted = answer.json()
    done = over(client, answer)
    file = requests.get(done["result"]["optimized_url"], timeout=10)

    assert answer.status_code == 202
    assert accepted["status"] == "queued"
    assert accepted["status_url"] == f"{client.base_url}{JOBS}/{accepted['job_id']}"
    assert answer.headers["Location"] == accepted["status_url"]
    assert list(done) == FIELDS
    assert done["job_id"] == accepted["job_id"]
    assert (done["status"], done["progress"], done["error"]) == ("completed", 100, None)
    assert done["created_at"] <= done["started_at"] <= done["finished_at"]
    time.strptime(done["finished_at"], "%Y-%m-%dT%H:%M:%SZ")
    assert tuple(done["result"])[:9] == NINE
    assert done["result"]["original_size"] == len(jpeg)
    assert done["result"]["optimized_size"] == len(file.content)
    assert (decoded(file.content).format, decoded(file.content).size) == ("WEBP", (100, 75))
    assert 'filename="photo.webp"' in file.headers["Content-Disposition"]


@pytest.mark.parametrize("kind", ["json", "data", "files"])
def test_a_url_is_a_job(fetching_server: RunningServer, origin: Origin, kind: str) -> None:
    """OG-73, OG-74: in every kind of body; what is there is fetched later, and only once."""
    client = someone(fetching_server)
    upload = encode(photo(160, 120), "PNG")
    url = origin.picture(upload, name="Grüße aus Rom.png")
    fields = {"url": url, "format": "jpeg", "quality": "70"}
    body = {name: (None, value) for name, value in fields.items()} if kind == "files" else fields
    done = over(client, client.request("POST", JOBS, **{kind: body}))
    file = requests.get(done["result"]["optimized_url"], timeout=10)

    assert done["result"]["original_size"] == len(upload)
    assert "/Gr%C3%BC%C3%9Fe%20aus%20Rom.jpg?" in done["result"]["optimized_url"]
    assert decoded(file.content).format == "JPEG"
    assert len(origin.requests(url)) == 1


@pytest.mark.parametrize("kind", ["json", "files"])
def test_the_synchronous_call_may_become_a_job(
    fetching_server: RunningServer, origin: Origin, jpeg: bytes, kind: str
) -> None:
    """OG-42, OG-74: when it is asked to, and only then."""
    client = someone(fetching_server)
    if kind == "json":
        body = {"url": origin.picture(jpeg), "async": True}
        answer = client.request("POST", "/api/optimize", json=body)
    else:
        answer = optimize(client, jpeg, **{"async": "true"})
    done = over(client, answer)
    at_once = optimize(client, jpeg, **{"async": "false"})

    assert answer.headers["Location"].endswith(f"{JOBS}/{done['job_id']}")
    assert at_once.json()["cached"]
    assert result(at_once) == requests.get(done["result"]["optimized_url"], timeout=10).content


def test_one_does_not_wait_for_what_is_slow(
    fetching_server: RunningServer, origin: Origin, jpeg: bytes, gate: threading.Event
) -> None:
    """OG-73, OG-75, OG-76: first it is being worked on, and says when to ask again."""
    client = someone(fetching_server)
    id_ = submit(client, url=slow(origin, jpeg, gate)).json()["job_id"]
    until(lambda: job(client, id_)["status"] == "processing")
    asked = client.request("GET", f"{JOBS}/{id_}")
    body = asked.json()

    assert asked.headers["Retry-After"] == "1"
    assert (body["progress"], body["result"], body["error"]) == (50, None, None)
    assert body["started_at"]
    assert body["finished_at"] is None
    gate.set()
    until(lambda: job(client, id_)["status"] == "completed")
    assert "Retry-After" not in client.request("GET", f"{JOBS}/{id_}").headers


@pytest.mark.parametrize(
    ("what", "code"),
    [("half", "decode_failed"), ("small", "does_not_fit"), ("missing", "fetch_failed")],
)
def test_a_job_fails_in_the_words_of_the_synchronous_call(
    fetching_server: RunningServer, origin: Origin, jpeg: bytes, what: str, code: str
) -> None:
    """OG-75, OG-88: and it costs nothing."""
    client = someone(fetching_server)
    fetching_server.spend(client.key, MONTH - 1)
    if what == "half":
        answer = submit(client, jpeg[: len(jpeg) // 2])
    elif what == "small":
        answer = submit(client, jpeg, format="webp", max_bytes=10)
    else:
        answer = submit(client, url=origin.failing())
    done = over(client, answer)

    assert (done["status"], done["result"], done["progress"]) == ("failed", None, 100)
    assert done["error"]["code"] == code
    assert done["error"]["message"].endswith(".")
    assert optimize(client, jpeg, quality=60).status_code == 200


def test_a_repeat_is_free(fetching_server: RunningServer, jpeg: bytes) -> None:
    """OG-24, OG-25: what was done before, now or later, is not charged."""
    client = someone(fetching_server)
    fetching_server.spend(client.key, MONTH - 2)
    first = over(client, submit(client, jpeg, quality=60))
    second = over(client, submit(client, jpeg, quality=60))
    third = optimize(client, jpeg, quality=60).json()
    other = optimize(client, jpeg, quality=61)

    assert [each["cached"] for each in (first["result"], second["result"], third)] == [
        False, True, True,
    ]  # fmt: skip
    assert other.status_code == 200
    check(optimize(client, jpeg, quality=62), 429, "quota_exceeded")


def test_a_job_takes_its_quota_when_it_is_accepted(idle_server: RunningServer, jpeg: bytes) -> None:
    """OG-81, OG-86: and gives it back when it is canceled."""
    client = someone(idle_server)
    idle_server.spend(client.key, MONTH - 1)
    id_ = submit(client, jpeg).json()["job_id"]
    refused = check(submit(client, jpeg), 429, "quota_exceeded")

    assert (refused["limit"], refused["used"]) == (MONTH, MONTH)
    assert client.request("DELETE", f"{JOBS}/{id_}").status_code == 200
    assert submit(client, jpeg).status_code == 202


def test_a_queued_job_can_be_canceled(idle_server: RunningServer, jpeg: bytes) -> None:
    """OG-75, OG-76, OG-77: once."""
    client = someone(idle_server)
    id_ = submit(client, jpeg).json()["job_id"]
    queued = client.request("GET", f"{JOBS}/{id_}")
    canceled = client.request("DELETE", f"{JOBS}/{id_}")
    body = canceled.json()

    assert (queued.json()["status"], queued.json()["progress"]) == ("queued", 0)
    assert queued.json()["started_at"] is None
    assert queued.headers["Retry-After"] == "1"
    assert canceled.status_code == 200
    assert (body["status"], body["result"], body["error"]) == ("cancelled", None, None)
    assert job(client, id_) == body
    check(client.request("DELETE", f"{JOBS}/{id_}"), 409, "conflict")


def test_a_running_job_is_not_canceled(
    either_server: RunningServer, origin: Origin, jpeg: bytes, gate: threading.Event
) -> None:
    """OG-77: neither is one that is over."""
    client = someone(either_server)
    id_ = submit(client, url=slow(origin, jpeg, gate)).json()["job_id"]
    until(lambda: job(client, id_)["status"] == "processing")
    check(client.request("DELETE", f"{JOBS}/{id_}"), 409, "conflict")
    gate.set()
    until(lambda: job(client, id_)["status"] == "completed")

    check(client.request("DELETE", f"{JOBS}/{id_}"), 409, "conflict")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_nobody_hears_of_the_jobs_of_others(
    either_server: RunningServer, jpeg: bytes, method: str
) -> None:
    """OG-76: another account's job is as unknown as one that never was."""
    id_ = submit(someone(either_server), jpeg).json()["job_id"]
    other = someone(either_server)
    foreign = check(other.request(method, f"{JOBS}/{id_}"), 404, "job_not_found")
    unknown = check(other.request(method, f"{JOBS}/{fresh()}"), 404, "job_not_found")

    assert foreign["error"] == unknown["error"]


def test_what_is_wrong_is_said_at_once(fetching_server: RunningServer, jpeg: bytes) -> None:
    """OG-31, OG-33, OG-37, OG-74, OG-78, OG-88: and no job comes of it."""
    client = someone(fetching_server)
    text = b"This is a text, whatever its name says."

    check(submit(client, format="webp"), 400, "missing_input")
    check(submit(client, accept_file="true"), 400, "missing_file")
    check(submit(client, url="ftp://127.0.0.1/photo.jpg"), 400, "invalid_url")
    check(submit(client, url="http://10.0.0.1/photo.jpg"), 400, "invalid_url")
    check(submit(client, jpeg, width=8001), 400, "invalid_dimensions")
    check(submit(client, jpeg, webhook_url="http://10.0.0.1/"), 400, "invalid_url")
    check(submit(client, jpeg, webhook_url="photo"), 400, "invalid_url")
    assert check(submit(client, text), 422, "decode_failed")["details"] == {
        "reason": "unsupported_format"
    }
    check(client.request("POST", JOBS, data=b"x"), 415, "unsupported_media_type")


def test_a_job_may_be_sent_twice(either_server: RunningServer, jpeg: bytes) -> None:
    """OG-46, OG-48, OG-57, OG-58: with an Idempotency-Key of its own."""
    client = someone(either_server)
    key = fresh()
    first = submit(client, jpeg, idempotency_key=key, format="webp")
    again = submit(client, jpeg, idempotency_key=key, format="webp")
    changed = submit(client, jpeg, idempotency_key=key, format="avif")
    without = submit(client, jpeg, format="webp")

    assert again.content == first.content
    assert again.status_code == 202
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    check(changed, 409, "idempotency_conflict")
    assert without.json()["job_id"] != first.json()["job_id"]
    check(submit(client, jpeg, idempotency_key="k" * 256), 400, "invalid_idempotency_key")


def test_a_job_that_is_sent_twice_at_once_is_one(either_server: RunningServer, jpeg: bytes) -> None:
    """OG-48, OG-56: the second hears of the first, or what that was answered."""
    client = someone(either_server)
    with ThreadPoolExecutor(4) as threads:
        for _ in range(5):
            key = fresh()
            answers = list(
                threads.map(lambda _, key=key: submit(client, jpeg, idempotency_key=key), range(4))
            )
            done = {answer.json()["job_id"] for answer in answers if answer.status_code == 202}
            for answer in answers:
                if answer.status_code != 202:
                    check(answer, 409, "idempotency_in_progress")
                    assert int(answer.headers["Retry-After"]) >= 1
            assert len(done) == 1


def test_the_key_of_a_job_that_was_refused_can_be_used_again(
    fetching_server: RunningServer, jpeg: bytes
) -> None:
    """OG-58: only what was accepted is remembered, also when the month is used up by it."""
    client = someone(fetching_server)
    fetching_server.spend(client.key, MONTH - 1)
    key = fresh()
    check(submit(client, jpeg, idempotency_key=key, width=0), 400, "invalid_dimensions")
    first = submit(client, jpeg, idempotency_key=key)
    again = submit(client, jpeg, idempotency_key=key)

    assert first.status_code == 202
    assert again.content == first.content
    check(submit(client, jpeg), 429, "quota_exceeded")


def test_a_result_that_is_gone_is_said_to_be(either_server: RunningServer, jpeg: bytes) -> None:
    """OG-75: the numbers stay for a while."""
    client = someone(either_server)
    id_ = over(client, submit(client, jpeg))["job_id"]
    age(either_server, client)
    gone = job(client, id_)

    assert (gone["status"], gone["progress"]) == ("expired", 100)
    assert gone["error"]["code"] == "result_expired"
    assert gone["result"]["optimized_url"] is None
    assert gone["result"]["original_size"] == len(jpeg)
    assert gone["result"]["optimized_size"] > 0


def test_asking_is_limited_apart_from_working(fetching_server: RunningServer, jpeg: bytes) -> None:
    """OG-80, OG-84, OG-86: half as many reads as requests a minute, for each key."""
    client = someone(fetching_server, "optimagio-free")
    id_ = submit(client, jpeg).json()["job_id"]
    with requests.Session() as session:
        session.headers["X-API-Key"] = client.key
        url = f"{client.base_url}{JOBS}/{id_}"
        answers = [session.get(url, timeout=10) for _ in range(31)]

    assert {answer.status_code for answer in answers[:30]} == {200}
    assert answers[0].headers["X-RateLimit-Limit"] == "30"
    check(answers[30], 429, "rate_limited")
    assert submit(client, jpeg).headers["X-RateLimit-Limit"] == "60"
