"""The servers' benchmark against our own server alone: the others are installed only to measure."""

import json

import pytest
from benchmarks.servers.__main__ import app
from benchmarks.servers.work import gather, stamped
from typer.testing import CliRunner

from fixtures.pictures import array, decoded, encode, photo


def test_one_round_against_our_own_server(tmp_path):
    (tmp_path / "wide.jpg").write_bytes(encode(photo(320, 240), "JPEG", quality=92))
    (tmp_path / "narrow.jpg").write_bytes(encode(photo(60, 80), "JPEG"))

    arguments = ["--only", "pixmill", "--rounds", "1", "--repeat", "3", "--width", "80", "--json"]
    done = CliRunner().invoke(app, [str(tmp_path), *arguments])

    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)
    assert [row["work"] for row in rows] == ["80 px jpeg", "80 px webp", "webp"]
    for row in rows:
        assert row["cpu_ratio"] == 1
        assert row["images_per_second"].keys() == {"1", "4"}
        assert 0 < row["idle_mb"] <= row["peak_mb"]
        assert 40 < row["score"] < 100


@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
def test_a_stamp_changes_the_file_and_not_the_picture(format_):
    data = encode(photo(32, 24), format_)

    one, other = stamped(data, 1), stamped(data, 2)

    assert one != other
    assert (array(decoded(one)) == array(decoded(data))).all()


def test_pictures_are_put_where_the_peers_find_them(tmp_path):
    (tmp_path / "a b.jpg").write_bytes(encode(photo(90, 60), "JPEG"))
    (tmp_path / "c.png").write_bytes(encode(photo(40, 60), "PNG"))
    (tmp_path / "served").mkdir()

    pictures = gather(sorted(tmp_path.glob("*.*")), tmp_path / "served", width=50)

    assert [picture.name for picture in pictures] == ["0.jpg"]
    assert (tmp_path / "served" / "0.jpg").read_bytes() == pictures[0].data
