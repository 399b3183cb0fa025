"""The batch benchmark on a small batch, and what its figures are made of."""

import json
import zipfile

import psutil
import pytest
from benchmarks.batches import pictures
from benchmarks.batches.__main__ import app
from benchmarks.batches.archives import check
from benchmarks.batches.figures import growth, stretch
from benchmarks.batches.watching import Cpu, Look, Memory, cpu, parts
from benchmarks.chaos.asking import is_proper
from benchmarks.chaos.calling import Caller
from typer.testing import CliRunner

from fixtures.pictures import decoded


def test_a_small_batch():
    done = CliRunner().invoke(app, ["--tiny", "60", "--ahead", "50", "--json"])

    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert (figures["completed"], figures["failed"]) == (60, 0)
    assert figures["zip"]["members"] == figures["zip"]["distinct"] == 60
    assert figures["zip"]["decoded"] == 60
    assert 0 < figures["accepted_seconds"] <= figures["finished_seconds"]
    assert 0 < figures["whole"]["cpu"]["engine"] < figures["whole"]["cpu"]["server"] * 50
    assert {row["part"] for row in figures["memory"]} >= {"server", "fork server", "codec 1"}
    assert figures["peak_pss_mb"] > 50


@pytest.mark.parametrize(
    ("make", "size"), [(pictures.small, (640, 480)), (pictures.tiny, (32, 32))]
)
def test_no_two_files_are_the_same(make, size):
    numbers = [0, 1, 2, pictures.VARIETY, 2 * pictures.VARIETY, 13 * pictures.VARIETY + 1]

    files = {make(number) for number in numbers}

    assert len(files) == len(numbers)
    assert {decoded(data).size for data in files} == {size}
    assert make(1) == make(1)


def looked(finished: int, engine: float, *, rss: int = 0) -> Look:
    return Look(
        at=engine,
        finished=finished,
        cpu=Cpu(server=engine / 4, fork_server=0.0, engine=engine),
        memory={"server": Memory(rss=rss, pss=rss // 2)},
    )


def test_the_cost_of_a_stretch_is_taken_between_the_nearest_looks():
    looks = [looked(0, 0.0), looked(40, 4.0), looked(60, 8.0), looked(100, 12.0)]

    middle = stretch(looks, 50, 100)

    assert middle.cpu.engine == pytest.approx(12.0 - 6.0)
    assert middle.milliseconds == pytest.approx(1000 * 6.0 * 1.25 / 50)
    assert middle.engine_share == pytest.approx(0.8)


def test_memory_is_compared_around_two_moments():
    looks = [looked(n, float(n), rss=100_000_000 + 1_000_000 * n) for n in range(0, 101, 10)]

    [server] = growth(looks, 10, 100, width=20)

    assert server.rss == pytest.approx((110.0, 190.0))
    assert server.pss == pytest.approx((55.0, 95.0))


def test_the_cpu_of_a_server_is_that_of_all_its_processes(server):
    found = parts(server.pid)

    assert found["server"].pid == server.pid
    assert set(server.children()) == set(found.values()) - {found["server"]}
    assert cpu(server.pid).total > 0
    assert all(isinstance(process, psutil.Process) for process in found.values())


def test_a_picture_of_another_size_in_a_zip_is_found_out(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("whole.png", pictures.tiny(1))
        archive.writestr("other size.jpg", pictures.small(1))

    checked = check(tmp_path / "a.zip", size=pictures.TINY)

    assert (checked.members, checked.distinct, checked.decoded) == (2, 2, 1)


def test_only_an_excuse_in_the_words_of_the_api_is_proper(client):
    caller = Caller(base_url=lambda: client.base_url, key="nobody")
    refused = caller.once("GET", "/api/v1/jobs/x")
    caller.close()

    assert refused is not None
    assert refused.status_code == 401
    assert not is_proper(refused)
