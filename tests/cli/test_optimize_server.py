"""`pixmill optimize --server`: the same pictures, the same files, made elsewhere."""

from pathlib import Path

import pytest

from cli.optimizing import contents, names, optimize, process, report, statuses
from pixmill.client import Pixmill

from fixtures.pictures import decoded, encode, graphic, photo
from fixtures.servers import RunningServer
from fixtures.wires import Wire


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> Path:
    monkeypatch.setenv("PIXMILL_API_KEY", key)
    (tmp_path / "site" / "blog").mkdir(parents=True)
    (tmp_path / "site" / "a.png").write_bytes(encode(graphic(), "PNG"))
    for number in range(5):
        data = encode(photo(96, 72, seed=number), "JPEG", quality=95)
        (tmp_path / "site" / "blog" / f"{number}.jpg").write_bytes(data)
    (tmp_path / "site" / "broken.jpg").write_bytes(b"no picture")
    return tmp_path


def test_a_server_makes_what_would_be_made_here(folder, server):
    call = ("site", "-f", "same,webp", "--width", 80, "--exclude", "broken.jpg", "-q", 70)
    here = report(*call, "-o", "here", cwd=folder)
    there = report(*call, "-o", "there", "--server", server.base_url, cwd=folder)
    again = report(*call, "-o", "there", "--server", server.base_url, cwd=folder)
    in_place = optimize("site", "--in-place", "--server", server.base_url, cwd=folder)

    assert contents(folder / "there") == contents(folder / "here")
    assert len(names(folder / "there")) == 12
    assert there["summary"]["written"] == here["summary"]["written"] == 12
    assert again["summary"]["cached"] == 12
    assert in_place.exit_code == 1
    assert "broken.jpg: The file is not an image" in in_place.stderr
    assert "5 optimized" in in_place.stdout or "6 optimized" in in_place.stdout
    assert decoded((folder / "site" / "blog" / "0.jpg").read_bytes()).size == (96, 72)


def test_a_connection_that_breaks_costs_nothing(folder, server: RunningServer, monkeypatch):
    mine = server.key()
    monkeypatch.setenv("MY_KEY", mine)
    wire = Wire(server.base_url, ["answer", "request", "answer", None, "answer"])

    done = report(
        *("site/blog", "-o", "out", "-f", "webp", "--server", wire.base_url),
        *("--api-key-env", "MY_KEY"),
        cwd=folder,
    )

    wire.close()
    assert {status for each in statuses(done).values() for status in each} == {"written"}
    with Pixmill(server.base_url, mine) as client:
        assert client.usage().requests == 5


def test_a_server_that_refuses_is_exit_code_3(folder, server, monkeypatch):
    before = contents(folder)
    monkeypatch.setenv("PIXMILL_API_KEY", "wrong")
    wrong = optimize("site/blog", "--in-place", "--server", server.base_url, cwd=folder)
    poor = server.key("optimagio-free")
    server.spend(poor, 100)
    monkeypatch.setenv("PIXMILL_API_KEY", poor)
    monkeypatch.setenv("PIXMILL_SERVER", server.base_url)
    exceeded = optimize("site/blog", "--in-place", cwd=folder)
    piped = process("-", cwd=folder, stdin=before["site/a.png"])
    nowhere = optimize("site", "--in-place", "--server", "ftp://x", cwd=folder)

    assert wrong.exit_code == 3, wrong.output
    assert wrong.stderr.count("0.jpg") == 1
    assert exceeded.exit_code == 3
    assert piped.returncode == 3
    assert piped.stderr.startswith(b"pixmill: ")
    assert nowhere.exit_code == 2
    assert contents(folder) == before
