"""Processes that are killed under load: nothing accepted is lost, nothing is charged twice."""

from functools import partial

import pytest
from benchmarks.chaos.__main__ import run
from benchmarks.chaos.worlds import embedded, grown

#: As small as it can be with somebody to take over.
small = partial(grown, servers=1, workers=2)


@pytest.mark.parametrize("world_of", [embedded, small], ids=["embedded", "grown"])
def test_nothing_is_lost_when_processes_are_killed(world_of, tmp_path):
    with world_of(tmp_path) as world:
        outcome = run(world, kills=2, seed=3, pauses=(0.2, 0.8), around=0.5, ahead=15)

    assert outcome.killed.total() == 2
    assert outcome.audit.problems == []
    assert outcome.audit.unjust == {}
    assert outcome.wrong == []
    assert outcome.audit.downloaded == outcome.audit.completed > 0
