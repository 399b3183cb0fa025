"""Log lines, as the server writes them."""

import json
import subprocess
import sys

import pytest

from fixtures.servers import Client, OwnServer, RunningServer


def lines(form: str, code: str) -> list[str]:
    """Return what a process with our configuration writes to standard error."""
    setup = (
        "import logging; from pixmill.http import logs, request_ids;"
        f"logs.configure(level='info', form={form!r}); log = logging.getLogger('some.library');"
    )
    done = subprocess.run(
        [sys.executable, "-c", setup + code], capture_output=True, check=True, text=True
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_a_line_is_one_object_with_what_is_known() -> None:
    (line,) = lines(
        "json", "request_ids.current.set('req_1'); log.info('a\\nb', extra={'size': 5})"
    )
    record = json.loads(line)

    assert record.pop("time").endswith("+00:00")
    assert record == {
        "level": "INFO",
        "logger": "some.library",
        "message": "a\nb",
        "request_id": "req_1",
        "size": 5,
    }


def test_a_trace_is_part_of_its_line() -> None:
    (line,) = lines("json", "log.error('crash', exc_info=ValueError('why'))")

    assert "ValueError: why" in json.loads(line)["exc_info"]


def test_outside_of_a_request_there_is_no_id() -> None:
    (line,) = lines("json", "log.info('started')")

    assert "request_id" not in json.loads(line)


def test_text_is_for_people() -> None:
    (line,) = lines("text", "request_ids.current.set('req_1'); log.info('done', extra={'size': 5})")

    assert line[8:] == " INFO    done req_1 size=5"


@pytest.mark.parametrize("evil", ["\\n", "\\r", "\\x1b[31m", "\\u2028"])
def test_nobody_can_forge_a_line(evil: str) -> None:
    written = lines("text", f"log.info('GET /%s', '{evil}12:00:00 INFO forged')")

    assert len(written) == 1
    assert written[0].isprintable()


@pytest.mark.parametrize("form", ["json", "text"])
def test_granians_warning_about_itself_is_kept_out(form: str) -> None:
    code = "log.warning('Embedded server is experimental!'); log.warning('Something else')"

    assert "Something else" in "".join(lines(form, code))
    assert "experimental" not in "".join(lines(form, code))


def test_less_than_the_level_is_not_written() -> None:
    assert (
        lines("text", "log.debug('no'); logging.getLogger('python_multipart.x').error('no')") == []
    )


def test_each_request_has_one_line(server: RunningServer, key: str, jpeg: bytes) -> None:
    client = Client(base_url=server.base_url, key=key)
    answer = client.post("/v1/compress", jpeg, format="webp")
    request_id = answer.headers["X-Request-Id"]
    line = server.logged(request_id)
    facts = {name: line.pop(name) for name in ("time", "seconds", "key_id", "received_size")}

    assert facts["key_id"].startswith("key_")
    assert facts["received_size"] > len(jpeg)
    assert 0 < facts["seconds"] < 600
    assert line == {
        "level": "INFO",
        "logger": "pixmill.http.access",
        "message": "POST /v1/compress 200",
        "method": "POST",
        "path": "/v1/compress",
        "dialect": "optipic",
        "operation": "compress",
        "status": 200,
        "sent_size": len(answer.content),
        "original_size": len(jpeg),
        "result_size": len(answer.content),
        "request_id": request_id,
    }


def test_a_refusal_says_why(server: RunningServer, client: Client) -> None:
    answer = client.post("/v1/compress", b"no image")
    line = server.logged(answer.headers["X-Request-Id"])

    assert (line["status"], line["error"]) == (500, "unsupported_format")


def test_no_key_and_no_query_is_ever_logged(own_server: OwnServer, jpeg: bytes) -> None:
    """OP-5: security.md's «run the suite, grep the log for every secret used», in small."""
    server = own_server(PIXMILL_LOG_LEVEL="debug")
    client = Client(base_url=server.base_url, key=server.key())
    unknown = Client(base_url=server.base_url, key="op_live_a_key_that_nobody_has")
    for path in (
        "/v1/compress",
        "/v1/usage?token=hidden1",
        "/hidden2?key=hidden3",
        "/healthz?hidden4",
    ):
        for method in ("GET", "POST"):
            client.request(
                method, path, headers={"X-API-Key": client.key}, cookies={"a": "hidden5"}
            )
            unknown.request(method, path)
    client.post("/v1/compress", jpeg, format="hidden6")
    assert client.post("/v1/compress", jpeg).status_code == 200
    assert server.stop() == 0
    log = server.log_path.read_text()

    assert "/v1/compress" in log
    for secret in (
        client.key,
        unknown.key,
        client.key[-16:],
        "hidden1",
        *map("hidden{}".format, range(3, 7)),
    ):
        assert secret not in log


def test_keys_are_not_kept_in_the_clear(server: RunningServer, key: str) -> None:
    """OP-5: whoever reads the folder cannot call."""
    files = [path for path in server.data_dir.iterdir() if path.is_file()]

    assert files
    for path in files:
        assert key.encode() not in path.read_bytes()
        assert key.removeprefix("pxm_").encode() not in path.read_bytes()
