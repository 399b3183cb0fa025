"""Services that go away under load: callers are told so, and nothing is lost."""

import pytest
from benchmarks.chaos.outages import run
from benchmarks.chaos.worlds import grown


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with grown(tmp_path_factory.mktemp("grown")) as world:
        yield world


#: All six are in `python -m benchmarks.chaos.outages`; these are the ones that differ most.
@pytest.mark.parametrize(
    ("service", "manner"),
    [
        ("PostgreSQL", "stopped"),
        ("PostgreSQL", "frozen"),
        ("Valkey", "stopped"),
        ("S3", "stopped"),
    ],
)
def test_callers_hear_503_while_a_service_is_away_and_nothing_is_lost(world, service, manner):
    outcome = run(world, service=service, manner=manner, seconds=2, around=0.5, ahead=15)

    assert outcome.wrong == []
    assert outcome.problems == []
    assert outcome.back.keys() == outcome.heard.keys()
    assert outcome.audit.downloaded == outcome.audit.completed > 0
