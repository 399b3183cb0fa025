import re

from pixmill.http import request_ids


def test_a_request_id_has_the_published_form() -> None:  # OP-22
    assert re.fullmatch(r"req_[0-9a-z]{14}", request_ids.new())


def test_no_two_requests_have_the_same_id() -> None:
    assert len({request_ids.new() for _ in range(1000)}) == 1000
