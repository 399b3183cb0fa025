"""Whatever a process says is a proper reply, a proper error, or a lie; nothing else comes out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixmill import errors
from pixmill.engine.types import ImageInfo, Limits, Options, Result
from pixmill.services.pool import messages, replies, sandbox

JOB = messages.Job(id=7, options=Options(), limits=Limits())
RESULT = Result(
    data=b"12345",
    format="avif",
    width=1,
    height=2,
    frames=3,
    how="rescanned",
    source=ImageInfo(format="png", width=4, height=5, frames=6),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def read(message: object) -> Any:
    text = message if isinstance(message, bytes) else json.dumps(message).encode()
    return replies.read_reply(text, kind=replies.Done, job_id=7, output_size=100)


@given(message=st.binary() | st.text().map(str.encode))
def test_any_bytes_are_a_lie(message: bytes) -> None:
    with pytest.raises(replies.Lie):
        read(message)


@given(message=JSON)
def test_any_json_is_a_lie(message: object) -> None:
    with pytest.raises(replies.Lie):
        read(message)


@given(data=st.data())
def test_a_proper_reply_with_anything_else_in_one_place_is_a_lie_or_as_proper(
    data: st.DataObject,
) -> None:
    reply: dict[str, Any] = messages.done(JOB, size=5, facts=RESULT.facts())
    place = data.draw(st.sampled_from([reply, reply["facts"], reply["facts"]["source"]]))
    key = data.draw(st.sampled_from(sorted(place)) | st.text())
    place[key] = data.draw(JSON)
    try:
        done = read(reply)
    except replies.Lie:
        return

    assert json.loads(done.model_dump_json()) == reply


def test_a_sound_process_is_believed() -> None:
    done = read(messages.done(JOB, size=5, facts=RESULT.facts())).with_data(b"12345")

    assert done.data == b"12345"
    assert (done.format, done.how) == ("avif", "rescanned")
    assert (done.width, done.height, done.frames) == (1, 2, 3)
    source = done.source
    assert (source.format, source.width, source.height, source.frames) == ("png", 4, 5, 6)


@pytest.mark.parametrize("data", [b"", b"1234", b"123456"])
def test_a_result_of_another_size_than_promised_is_a_lie(data: bytes) -> None:
    done = read(messages.done(JOB, size=5, facts=RESULT.facts()))

    with pytest.raises(replies.Lie):
        done.with_data(data)


def test_a_result_above_the_limit_is_a_lie() -> None:
    assert read(messages.done(JOB, size=100, facts=RESULT.facts())).size == 100
    with pytest.raises(replies.Lie):
        read(messages.done(JOB, size=101, facts=RESULT.facts()))


@pytest.mark.parametrize(
    "error",
    [
        errors.UnreadableImage,
        errors.UnsupportedFormat,
        errors.TooManyPixels,
        errors.TooCostly,
        errors.BadQuality,
        errors.BadDimensions,
        errors.UnknownFormat,
        errors.Internal,
    ],
)
def test_what_the_engine_raises_arrives(error: type[errors.Error]) -> None:
    with pytest.raises(error) as caught:
        read(messages.failed(JOB, error(detail="because")))

    assert type(caught.value) is error
    assert caught.value.detail == "because"
    assert str(caught.value) == str(error())


@pytest.mark.parametrize("error", [errors.BadKey, errors.NotFound, errors.Busy, errors.Conflict])
def test_what_is_none_of_the_engines_business_is_a_lie(error: type[errors.Error]) -> None:
    with pytest.raises(replies.Lie):
        read(messages.failed(JOB, error()))


def test_a_detail_can_neither_start_a_line_in_a_log_nor_color_it() -> None:
    with pytest.raises(errors.UnreadableImage) as caught:
        read({"id": 7, "error": "unreadable_image", "detail": "a\nb\x1b[31mc\u2028d\u202e"})

    assert caught.value.detail == "a?b?[31mc?d?"


@given(
    detail=st.text(max_size=2000)
    | st.binary().map(lambda raw: raw.decode("ascii", "surrogateescape"))
)
def test_no_detail_makes_a_sound_process_a_liar(detail: str) -> None:
    with pytest.raises(errors.UnreadableImage):
        read(messages.failed(JOB, errors.UnreadableImage(detail=detail)))


def test_layers_are_believed_when_each_is_told_once() -> None:
    layers = sandbox.Layers(
        on=frozenset({"uid"}), missing=dict.fromkeys(list(sandbox.LAYERS)[1:], "no")
    )
    told = messages.ready(layers)

    assert replies.read_ready(json.dumps(told).encode()) == layers
    wrong: dict[str, Any]
    for wrong in (
        {"on": [], "missing": {}},
        {"on": [*sandbox.LAYERS, "uid"], "missing": {}},
        {"on": list(sandbox.LAYERS), "missing": {"uid": "no"}},
        {"on": {}, "missing": []},
        told | {"more": 1},
    ):
        with pytest.raises(replies.Lie):
            replies.read_ready(json.dumps(wrong).encode())
