"""The benchmark of sessions on a small one."""

import json

from benchmarks.sessions import app
from typer.testing import CliRunner


def test_a_small_session():
    done = CliRunner().invoke(app, ["--images", "20", "--json"])

    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert figures["results"] == figures["processed"] == 20
    assert 0 < figures["begun_before_first_result"] < 20
    assert figures["export_ms"] > 0
    assert figures["edit_same_pixels"]
