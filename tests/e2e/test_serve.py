"""The life of a server: start, trouble, stop."""

import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
import requests
from PIL import Image

from pixmill import errors

from fixtures import servers
from fixtures.databases import PostgreSQL
from fixtures.pictures import decoded, encode, photo
from fixtures.servers import Client, OwnServer, RunningServer


@pytest.fixture(scope="session")
def noise() -> bytes:
    """Return a picture that takes seconds to encode, because it has nothing but detail."""
    random = np.random.default_rng(1)
    pixels = random.integers(0, 256, (1200, 1600, 3), dtype=np.uint8)
    return encode(Image.fromarray(pixels), "JPEG", quality=30)


def caller(server: RunningServer, plan: str = "optipic-free") -> Client:
    return Client(base_url=server.base_url, key=server.key(plan))


def wait_for(what: str, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + servers.PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def metric(server: RunningServer, name: str) -> float:
    text = requests.get(f"{server.base_url}/metrics", timeout=10).text
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(line.rpartition(" ")[2])


def busy_worker(server: RunningServer) -> psutil.Process:
    """Wait until a codec process works, and return it: the one that burns the processor."""
    wait_for("work", lambda: metric(server, "pixmill_pool_workers_busy") > 0)
    before = {child: child.cpu_times().user for child in server.children()}
    hottest: list[psutil.Process] = []

    def found() -> bool:
        for child, user in before.items():
            if child.cpu_times().user - user > 0.2:
                hottest.append(child)
        return bool(hottest)

    wait_for("a codec process at work", found)
    return hottest[0]


def used(client: Client) -> int:
    requests_ = client.request("GET", "/v1/usage").json()["requests"]
    assert isinstance(requests_, int)
    return requests_


def in_background(
    threads: ThreadPoolExecutor, client: Client, file: bytes, **fields: object
) -> Future[requests.Response]:
    return threads.submit(client.post, "/v1/compress", file, **fields)


def test_the_port_is_told_when_any_is_free(server: RunningServer) -> None:
    assert requests.get(f"{server.base_url}/healthz", timeout=10).status_code == 200
    assert not server.base_url.endswith(":0")


def test_a_port_in_use_is_one_clear_line(server: RunningServer, tmp_path: Path) -> None:
    port = server.base_url.rpartition(":")[2]
    done = subprocess.run(
        servers.serve_command("--port", port, "--data-dir", str(tmp_path), "--log-format", "text"),
        env=servers.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert f"Cannot listen on 127.0.0.1, port {port}: address already in use." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = subprocess.run(
        servers.serve_command(
            "--port", "0", "--data-dir", str(tmp_path / "file" / "data"), "--log-format", "text"
        ),
        env=servers.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "pixmill: The data directory" in done.stderr


def test_a_person_is_told_what_to_do_next(tmp_path: Path) -> None:
    process = subprocess.Popen(
        servers.serve_command("--port", "0", "--data-dir", str(tmp_path), "--log-format", "text"),
        env=servers.environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    first, second = process.stderr.readline(), process.stderr.readline()
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    process.stderr.close()

    assert process.wait(servers.PATIENCE) == 0
    assert first.startswith("Pixmill is serving at http://127.0.0.1:")
    assert "/docs)" in first
    assert f"pixmill keys create --data-dir {tmp_path}" in second
    assert "stopped" in rest


def test_running_requests_finish_when_the_server_stops(own_server: OwnServer, noise: bytes) -> None:
    server = own_server()
    client = caller(server)
    with ThreadPoolExecutor(1) as threads:
        answer = in_background(threads, client, noise, format="webp", quality=90)
        wait_for("work", lambda: metric(server, "pixmill_pool_workers_busy") > 0)
        idle = requests.Session()
        idle.get(f"{server.base_url}/healthz", timeout=10)
        children = server.children()
        code = server.stop()

        assert answer.result().status_code == 200
        assert decoded(answer.result().content).format == "WEBP"
    assert code == 0
    assert server.log()[-1]["message"] == "stopped"
    assert not [child for child in children if child.is_running()]
    idle.close()


def test_the_patience_of_a_stop_has_an_end(own_server: OwnServer, noise: bytes) -> None:
    server = own_server(PIXMILL_SHUTDOWN_TIMEOUT="0.5", PIXMILL_JOB_TIMEOUT="120")
    client = caller(server)
    with ThreadPoolExecutor(1) as threads:
        answer = in_background(threads, client, noise, format="avif", quality=95)
        wait_for("work", lambda: metric(server, "pixmill_pool_workers_busy") > 0)
        children = server.children()
        code = server.stop()

        assert answer.exception() or answer.result().status_code >= 500
    assert code == 0
    assert "requests that were still running are cut off" in [
        line["message"] for line in server.log()
    ]
    assert not [child for child in children if child.is_running()]


def test_a_killed_codec_process_costs_one_request_at_most(
    own_server: OwnServer, noise: bytes, jpeg: bytes
) -> None:
    server = own_server(PIXMILL_JOB_TIMEOUT="120")
    client = caller(server)
    with ThreadPoolExecutor(1) as threads:
        answer = in_background(threads, client, noise, format="avif", quality=95)
        os.kill(busy_worker(server).pid, signal.SIGKILL)

        assert answer.result().status_code == 500
        assert answer.result().json()["error"] == "processing_error"
    assert client.post("/v1/compress", jpeg).status_code == 200
    assert used(client) == 1
    wait_for("a new process", lambda: metric(server, "pixmill_pool_workers_alive") >= 2)


def test_a_killed_server_charges_nothing_and_starts_again(
    own_server: OwnServer, noise: bytes, jpeg: bytes
) -> None:
    server = own_server()
    client = caller(server)
    assert client.post("/v1/compress", jpeg).status_code == 200
    with ThreadPoolExecutor(1) as threads:
        answer = in_background(threads, client, noise, format="avif", quality=95)
        wait_for("work", lambda: metric(server, "pixmill_pool_workers_busy") > 0)
        children = server.children()
        server.process.kill()
        server.process.wait()

        assert isinstance(answer.exception(), requests.ConnectionError)
    wait_for("orphans to end", lambda: not [c for c in children if c.is_running()])
    again = own_server(folder=server.data_dir)
    client = Client(base_url=again.base_url, key=client.key)

    assert used(client) == 1
    assert client.post("/v1/compress", jpeg).status_code == 200
    assert used(client) == 2


def test_a_caller_who_leaves_frees_the_place(
    own_server: OwnServer, noise: bytes, jpeg: bytes
) -> None:
    server = own_server(PIXMILL_JOB_TIMEOUT="120", PIXMILL_WORKERS="1")
    client = caller(server)
    with pytest.raises(requests.ReadTimeout):
        requests.post(
            f"{server.base_url}/v1/compress",
            headers={"Authorization": f"Bearer {client.key}"},
            files={"file": noise},
            data={"format": "avif", "quality": "95"},
            timeout=1,
        )
    wait_for(
        "the place", lambda: metric(server, 'pixmill_pool_events_total{event="cancelled"}') == 1
    )

    assert client.post("/v1/compress", jpeg).status_code == 200
    assert used(client) == 1
    assert 499 in [line.get("status") for line in server.log()]


def test_who_does_not_find_a_place_is_told_to_come_back(
    own_server: OwnServer, noise: bytes
) -> None:
    server = own_server(PIXMILL_WORKERS="1", PIXMILL_QUEUE_SIZE="1")
    client = caller(server)
    with ThreadPoolExecutor(6) as threads:
        futures = [
            in_background(threads, client, noise, format="webp", quality=50) for _ in range(6)
        ]
        answers = [future.result() for future in futures]
    refused = [answer for answer in answers if answer.status_code == 503]
    done = [answer for answer in answers if answer.status_code == 200]

    assert len(refused) + len(done) == 6
    assert done
    assert refused
    assert {answer.json()["error"] for answer in refused} == {"server_busy"}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    assert used(client) == len(done)


def test_many_at_once_get_each_their_own(server: RunningServer) -> None:
    client = caller(server)
    uploads = {width: encode(photo(width, 60, seed=width), "JPEG") for width in range(40, 80)}
    with ThreadPoolExecutor(20) as threads:
        answers = dict(
            zip(
                uploads,
                threads.map(
                    lambda data: client.post("/v1/compress", data, format="png"), uploads.values()
                ),
                strict=True,
            )
        )

    for width, answer in answers.items():
        assert answer.status_code == 200
        assert decoded(answer.content).size == (width, 60)
        assert answer.headers["X-Original-Size"] == str(len(uploads[width]))
    assert used(client) == 40


def test_a_connection_can_be_used_again_and_again(server: RunningServer, jpeg: bytes) -> None:
    client = caller(server)
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {client.key}"
        for number in range(1, 6):
            url = f"{server.base_url}/v1/compress"
            answer = session.post(url, files={"file": jpeg}, timeout=60)
            usage = session.get(f"{server.base_url}/v1/usage", timeout=60)

            assert answer.status_code == 200
            assert usage.json()["requests"] == number


def test_it_listens_where_it_is_told_to(own_server: OwnServer) -> None:
    server = own_server("--host", "::1")

    assert server.base_url.startswith("http://[::1]:")
    assert requests.get(f"{server.base_url}/readyz", timeout=10).status_code == 200


def test_idle_connections_keep_nobody_out(server: RunningServer, key: str) -> None:
    host, _, port = server.base_url.removeprefix("http://").partition(":")
    connections = [socket.create_connection((host, int(port))) for _ in range(300)]
    for connection in connections[:150]:
        connection.sendall(b"POST /v1/compress HTTP/1.1\r\nHost: x\r\nContent-Le")
    client = Client(base_url=server.base_url, key=key)

    assert client.request("GET", "/v1/usage").status_code == 200
    for connection in connections:
        connection.close()


def test_a_server_on_postgresql_knows_when_it_is_gone(
    own_server: OwnServer, postgresql: PostgreSQL, jpeg: bytes
) -> None:
    with postgresql.fresh() as url:
        server = own_server(PIXMILL_DATABASE_URL=url)
        client = caller(server)
        ready = requests.get(f"{server.base_url}/readyz", timeout=10)

        assert ready.status_code == 200
        assert client.post("/v1/compress", jpeg).status_code == 200
        assert used(client) == 1
    # The block has dropped the database.
    ready = requests.get(f"{server.base_url}/readyz", timeout=10)
    answer = client.post("/v1/compress", jpeg)

    assert ready.status_code == 503
    assert ready.json()["checks"] == {"database": "failing", "workers": "ok", "jobs": "ok"}
    assert answer.status_code == 503
    assert answer.json()["error"] == "server_busy"
    assert "postgres" not in answer.text
    assert requests.get(f"{server.base_url}/healthz", timeout=10).status_code == 200
    assert server.stop() == 0


def test_a_full_disk_is_not_the_picture_s_fault(own_server: OwnServer, jpeg: bytes) -> None:
    server = own_server()
    client = caller(server)
    process = psutil.Process(server.pid)
    # As far as the server can tell: no file of it can grow any more.
    journal = Path(f"{server.data_dir / 'pixmill.db'}-wal").stat().st_size
    process.rlimit(psutil.RLIMIT_FSIZE, (journal, resource.RLIM_INFINITY))
    ready = requests.get(f"{server.base_url}/readyz", timeout=10)
    answer = client.post("/v1/compress", jpeg)

    assert ready.status_code == 503
    assert ready.json()["checks"] == {"database": "failing", "workers": "ok", "jobs": "ok"}
    assert answer.status_code == 503
    assert answer.json() == {"error": "server_busy", "message": str(errors.Unavailable())}
    assert int(answer.headers["Retry-After"]) > 0
    process.rlimit(psutil.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert used(client) == 0
    assert client.post("/v1/compress", jpeg).status_code == 200
    assert requests.get(f"{server.base_url}/readyz", timeout=10).status_code == 200
    (told,) = [line for line in server.log() if line["message"] == str(errors.Unavailable())]
    assert told["level"] == "WARNING"
    assert told["detail"]
