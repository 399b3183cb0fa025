import base64

import pytest
from starlette.requests import Request

from pixmill.http import credentials


def request(**headers: str) -> Request:
    return Request(
        {
            "type": "http",
            "headers": [
                (name.replace("_", "-").lower().encode(), value.encode("latin-1"))
                for name, value in headers.items()
            ],
        }
    )


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "value", ["Bearer op_live_1", "bearer op_live_1", "BEARER   op_live_1 ", " Bearer\top_live_1"]
)
def test_a_bearer_token_is_found_however_it_is_written(value: str) -> None:  # OP-2, OP-7
    assert credentials.any_key(request(authorization=value)) == "op_live_1"


@pytest.mark.parametrize(("user", "password"), [("api", "op_live_1"), ("op_live_1", "")])
def test_a_key_may_come_as_basic_credentials(user: str, password: str) -> None:  # OP-7
    assert credentials.any_key(request(authorization=basic(user, password))) == "op_live_1"


def test_a_key_may_come_in_a_header_of_its_own() -> None:  # OP-7
    assert credentials.any_key(request(x_api_key=" op_live_1 ")) == "op_live_1"


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer ", "Token op_live_1", "op_live_1", "Basic", "Basic !!", "Basic /w=="],
)
def test_anything_else_is_no_key(value: str) -> None:  # OP-3
    assert credentials.any_key(request(authorization=value)) is None
