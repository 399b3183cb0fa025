"""/healthz, /readyz and /metrics."""

import asyncio
import re

import httpx
import pytest
import requests
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

import pixmill
from pixmill import errors
from pixmill.http import probes
from pixmill.http.metrics import Metrics
from pixmill.services.limits import Counters as LimitsCounters
from pixmill.services.limits import LimitsStatus
from pixmill.services.pool.types import Counters, PoolStatus

from fixtures.servers import Client, RunningServer


def test_healthz_tells_versions_and_locks(server: RunningServer) -> None:
    answer = requests.get(f"{server.base_url}/healthz", timeout=10)
    body = answer.json()

    assert answer.status_code == 200
    assert body["status"] == "ok"
    assert body["version"] == pixmill.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", body["libraries"]["libvips"])
    assert set(body["sandbox"]["layers"]) | set(body["sandbox"]["missing"]) == {
        "uid", "no_new_privs", "landlock", "rlimits", "seccomp",
    }  # fmt: skip


def test_readyz_tells_what_was_checked(server: RunningServer) -> None:
    answer = requests.get(f"{server.base_url}/readyz", timeout=10)

    assert answer.status_code == 200
    checks = {"database": "ok", "workers": "ok", "jobs": "ok"}
    assert answer.json() == {"status": "ready", "checks": checks}


async def yes() -> bool:
    return True


async def no() -> bool:
    return False


async def broken() -> bool:
    raise errors.Internal(detail="postgresql://secret")


async def stuck() -> bool:
    await asyncio.sleep(3600)
    return True


@pytest.mark.parametrize("check", [no, broken, stuck])
def test_readyz_refuses_when_something_is_missing(
    check: probes.Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "PATIENCE", 0.1)
    app = FastAPI()
    probes.add(
        app,
        metrics=Metrics(pool=status, limits=limits),
        facts=dict,
        checks={"one": yes, "other": check},
    )

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get("/readyz")

    answer = asyncio.run(ask())

    assert answer.status_code == 503
    assert answer.json()["checks"] == {"one": "ok", "other": "failing"}
    assert "secret" not in answer.text


def limits() -> LimitsStatus:
    return LimitsStatus(shared=False, available=True, counters=LimitsCounters())


def status() -> PoolStatus:
    return PoolStatus(
        workers=2,
        alive=1,
        busy=1,
        waiting=3,
        memory_in_use=1000,
        memory_size=2000,
        layers=("uid",),
        missing={"seccomp": "not this kernel"},
        counters=Counters(jobs=7, killed=1),
    )


def samples(text: str) -> dict[str, float]:
    """Return every sample by its name and labels."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(sample.labels[name] for name in sorted(sample.labels))
            found[f"{sample.name}({labels})"] = sample.value
    return found


def test_metrics_show_the_pool() -> None:
    found = samples(Metrics(pool=status, limits=limits).text().decode())

    assert found["pixmill_pool_workers()"] == 2
    assert found["pixmill_pool_workers_alive()"] == 1
    assert found["pixmill_pool_waiting()"] == 3
    assert found["pixmill_pool_memory_bytes()"] == 1000
    assert found["pixmill_pool_events_total(jobs)"] == 7
    assert found["pixmill_pool_events_total(killed)"] == 1
    assert found["pixmill_pool_layer(uid)"] == 1
    assert found["pixmill_pool_layer(seccomp)"] == 0


def test_metrics_count_what_happens(server: RunningServer, client: Client, jpeg: bytes) -> None:
    before = samples(requests.get(f"{server.base_url}/metrics", timeout=10).text)
    answer = client.post("/v1/convert", jpeg, to="webp")
    client.post("/v1/convert", jpeg, to="nothing")
    after = samples(requests.get(f"{server.base_url}/metrics", timeout=10).text)

    def change(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert change("pixmill_requests_total(optipic,convert,200)") == 1
    assert change("pixmill_requests_total(optipic,convert,400)") == 1
    assert change("pixmill_request_seconds_count(optipic,convert)") == 2
    assert change("pixmill_received_bytes_total(optipic,convert)") > 2 * len(jpeg)
    assert change("pixmill_original_bytes_total(optipic,convert)") == len(jpeg)
    assert change("pixmill_result_bytes_total(optipic,convert)") == len(answer.content)
    assert change("pixmill_sent_bytes_total(optipic,convert)") > len(answer.content)
    assert change("pixmill_pool_events_total(jobs)") == 1


def test_no_path_of_a_stranger_becomes_a_label(server: RunningServer) -> None:
    """Otherwise anybody could fill the memory of the monitoring."""
    requests.get(f"{server.base_url}/some/strange/path", timeout=10)
    text = requests.get(f"{server.base_url}/metrics", timeout=10).text

    assert "strange" not in text
