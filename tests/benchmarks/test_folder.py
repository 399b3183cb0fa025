"""The benchmark of a folder on a small one."""

import json

from benchmarks.folder import SIZES, app, picture
from typer.testing import CliRunner


def test_a_small_folder():
    done = CliRunner().invoke(app, ["--pictures", "10", "--runs", "1", "--json"])

    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert 0 < figures["engine_share"] < 1
    assert figures["second_cpu"] < figures["cpu"]
    assert figures["own_rss_peak_mb"] > 0


def test_pictures_are_each_their_own():
    made = [picture(number) for number in range(3)]

    assert len(set(made)) == 3
    assert all(SIZES[0] <= len(data) <= SIZES[1] for data in made)
