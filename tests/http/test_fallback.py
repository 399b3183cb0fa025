"""Requests that are for no operation."""

import pytest
import requests

from fixtures.servers import Client, RunningServer


def ask(server: RunningServer, method: str, path: str, **headers: str) -> requests.Response:
    return requests.request(
        method,
        f"{server.base_url}{path}",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        timeout=10,
    )


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/elsewhere", {"Host": "api.opti.pictures"}),
        ("/elsewhere", {"Host": "API.opti.pictures:443"}),
        ("/elsewhere", {"Authorization": "Bearer op_live_of_nobody"}),
        ("/v1/elsewhere", {}),
    ],
)
def test_an_unknown_path_is_answered_by_whom_it_was_meant_for(
    server: RunningServer, path: str, headers: dict[str, str]
) -> None:
    """By host, then by key, then by path: OptiPic forbids storing its answers."""
    answer = ask(server, "GET", path, **headers)

    assert answer.status_code == 404
    assert answer.json()["error"] == "not_found"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/elsewhere", "/docs/static/none.js", "//", "/%00", "/v2/x"])
def test_an_unknown_path_of_nobody_is_answered_neutrally(server: RunningServer, path: str) -> None:
    answer = ask(server, "GET", path)

    assert answer.status_code == 404
    assert answer.json() == {
        "error": "not_found",
        "message": "There is nothing here by that name.",
    }
    assert "Cache-Control" not in answer.headers
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize("host", ["[", "[::1", "a b", ":", "\xe4", "x" * 3000])
def test_a_host_that_is_none_changes_nothing(server: RunningServer, host: str) -> None:
    answer = ask(server, "GET", "/elsewhere", Host=host)

    assert answer.status_code in {400, 404}


def test_another_method_on_a_path_of_nobody(server: RunningServer) -> None:
    answer = ask(server, "POST", "/healthz")

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert answer.json()["error"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/compress", "OPTIONS, POST"),
        ("/v1/usage", "GET, HEAD, OPTIONS"),
        ("/docs/static/docs.js", "GET, HEAD, OPTIONS"),
    ],
)
def test_options_tells_the_methods_and_invites_no_other_origin(
    server: RunningServer, path: str, allowed: str
) -> None:
    answer = ask(
        server,
        "OPTIONS",
        path,
        Origin="https://elsewhere.example",
        Access_Control_Request_Method="POST",
    )

    assert answer.status_code == 204
    assert answer.headers["Allow"] == allowed
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_options_of_an_unknown_path_is_not_found(server: RunningServer) -> None:
    assert ask(server, "OPTIONS", "/elsewhere").status_code == 404


def test_head_is_get_without_the_body(client: Client) -> None:
    get, head = (client.request(method, "/v1/usage") for method in ("GET", "HEAD"))

    assert head.status_code == 200
    assert head.headers["Content-Length"] == get.headers["Content-Length"]
    assert head.content == b""


def test_head_of_an_operation_that_is_no_get_is_refused(client: Client) -> None:
    answer = client.request("HEAD", "/v1/compress")

    assert answer.status_code == 405
    assert answer.content == b""
