"""`pixmill optimize --server`: the same pictures, the same files, made elsewhere."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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


class _Odd(BaseHTTPRequestHandler):
    """Takes five pictures and gives back what nobody has asked for; the last is as it should be."""

    result = encode(photo(48, 36), "WEBP")
    results = (b"<p>Please sign in.</p>", None, encode(photo(48, 36), "JPEG"), result[:4], result)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        accepted = [{"item_id": f"{n}", "index": n, "filename": f"{n}"} for n in range(5)]
        self._answer(
            json.dumps({"batch_id": "b", "accepted_files": accepted, "rejected_files": []}).encode()
        )

    def do_GET(self) -> None:
        if self.path.startswith("/results/"):
            self._answer(self.results[int(self.path[-1])])
            return
        made = {"format": "webp", "width": 48, "height": 36, "status": "completed", "error": None}
        items = [
            {"item_id": f"{n}", "filename": f"{n}", "optimized_url": f"/results/{n}", **made}
            for n in range(5)
        ]
        counts = {"status": "completed", "total": 5, "completed": 5, "failed": 0}
        said = {"batch_id": "b", "items": items, "next_cursor": None, **counts}
        self._answer(json.dumps(said).encode())

    def _answer(self, data: bytes | None) -> None:
        self.send_response(404 if data is None else 200)
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        self.wfile.write(data or b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it is called by
        pass


@pytest.fixture
def odd() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Odd) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_what_is_not_the_picture_that_was_asked_for_is_not_written(folder, odd):
    done = report(
        *("site/blog", "-o", "out", "-f", "webp", "--server", odd, "--no-cache"), cwd=folder, code=1
    )

    found = [each["outputs"][0] for each in done["files"]]
    sent = "What the server has sent is not the picture that was asked for."
    # Which picture comes first is not said.
    said = Counter(each["error"] for each in found)
    assert said == {sent: 3, "The server answered 404.": 1, None: 1}
    assert len(names(folder / "out")) == 1
