"""A server that does not work: every fault has its error, which tells nobody what it was about."""

import asyncio
import json
from contextlib import aclosing

import pytest

from pixmill import errors
from pixmill.services.vision.openai import OpenAIConfig
from pixmill.services.vision.providers import describe
from pixmill.services.vision.types import Style
from services.vision.server import (
    GOOD,
    KEY,
    WORDS,
    cut,
    delta,
    events,
    plain,
    saying,
    serving,
    streaming,
)

pytestmark = pytest.mark.anyio

STYLE = Style()
#: As a server may word an error, with all that is nobody's business.
TELLTALE = {"error": {"message": f"Incorrect API key: {KEY}", "type": "invalid_request_error"}}


async def failure(vision, jpeg):
    """Return the error, which must not say what is nobody's business."""
    with pytest.raises(errors.Error) as caught:
        await describe(vision, jpeg, style=STYLE)
    error = caught.value
    assert str(error) == (error.__doc__ or "").strip()
    for text in (str(error), error.detail, repr(error.__cause__)):
        assert KEY not in text
        assert "127.0.0.1" not in text
    return error


PASSING = {
    "429": saying(429, TELLTALE, Retry_After="0"),
    "500": saying(500, "<h1>Oh no</h1>"),
    "503 with a date": saying(503, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
    "cut off": cut(),
    "cut off at once": cut(""),
    "a stream without an end": streaming(GOOD[:60], finish=None, done=False),
    "an error in the stream": events(delta(content=GOOD[:40]), TELLTALE),
    "an event that is no JSON": events(delta(content=GOOD[:40]), "{'half"),
    "an event of another kind": events({"choices": [{"delta": "words"}]}),
    "a reply that is no JSON": saying(200, "<h1>", Content_Type="application/json"),
    "a page": saying(200, "<h1>Welcome</h1>", Content_Type="text/html"),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
async def test_what_may_pass_is_tried_again(vision, script, jpeg, fault):
    script.says(fault, fault, streaming())

    assert (await describe(vision, jpeg, style=STYLE)).alt == WORDS["alt"]
    assert len(script.asked) == 3


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
async def test_what_does_not_pass_is_given_up(asker, script, jpeg, fault):
    script.says(fault)
    error = await failure(asker(tries=3), jpeg)

    assert type(error) is errors.VisionUnavailable
    assert len(script.asked) == 3


async def test_a_pause_that_is_too_long_is_passed_on_and_not_waited_for(vision, script, jpeg):
    script.says(saying(429, Retry_After="3600"))
    error = await failure(vision, jpeg)

    assert isinstance(error, errors.VisionUnavailable)
    assert error.retry_after >= 3600
    assert error.detail == "status 429"
    assert len(script.asked) == 1


async def test_a_server_that_is_not_there_is_unavailable(asker, jpeg):
    with serving() as gone:
        url = gone.base_url
    error = await failure(asker(base_url=url, tries=2), jpeg)

    assert type(error) is errors.VisionUnavailable
    assert error.detail == "ConnectError"


@pytest.mark.parametrize("name", ["hang", "stall"])
async def test_a_server_that_takes_too_long_is_left(asker, script, jpeg, name):
    script.says(getattr(script, name))
    error = await failure(asker(timeout=0.3), jpeg)

    assert type(error) is errors.VisionUnavailable
    assert error.detail == "timeout"


async def test_a_deadline_ends_the_answer_and_not_its_reader(asker, script, jpeg):
    script.says(script.stall)
    async with aclosing(asker(timeout=0.3).describe(jpeg, style=STYLE)) as answers:
        await anext(answers)
        await asyncio.sleep(0.5)
        with pytest.raises(errors.VisionUnavailable):
            async for _ in answers:
                pass


@pytest.mark.parametrize("status", [401, 402, 403, 404, 405, 413])
async def test_what_only_the_operator_can_set_right_is_not_tried_again(
    vision, script, jpeg, status
):
    script.says(saying(status, TELLTALE))
    error = await failure(vision, jpeg)

    assert type(error) is errors.VisionUnavailable
    assert error.detail == f"status {status} invalid_request_error"
    assert len(script.asked) == 1


@pytest.mark.parametrize("body", ["", "[]", '{"error": []}', '{"error": "' + "x" * 10_000 + '"}'])
async def test_an_error_without_a_word_has_its_status(vision, script, jpeg, body):
    script.says(saying(403, body))

    assert (await failure(vision, jpeg)).detail == "status 403"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(vision, script, jpeg, status):
    with serving() as elsewhere:
        script.says(saying(status, Location=f"{elsewhere.base_url}/chat/completions"))
        error = await failure(vision, jpeg)

        assert elsewhere.asked == []
    assert type(error) is errors.VisionUnavailable
    assert error.detail == f"status {status}"


FAILING = {
    "400 in every form": saying(400, TELLTALE),
    "a refusal in a stream": events(delta(refusal="I can't help with that.")),
    "a refusal in one piece": plain({"content": None, "refusal": "No."}),
    "a filter": streaming(GOOD[:40], finish="content_filter"),
    "a refusal in the words": streaming(
        json.dumps({**WORDS, "alt": "I’m sorry, but I cannot describe this picture."})
    ),
    "an empty alt": streaming(json.dumps({**WORDS, "alt": " \u200d\n"})),
    "an alt without a word": streaming(json.dumps({**WORDS, "alt": "…"})),
    "a compressed reply": saying(200, "x", Content_Encoding="gzip"),
}


@pytest.mark.parametrize("fault", FAILING.values(), ids=FAILING)
async def test_a_refusal_is_an_error_and_no_words_are_made_up(vision, script, jpeg, fault):
    script.says(fault)
    answers = []

    async def listen() -> None:
        async for answer in vision.describe(jpeg, style=STYLE):
            answers.append(answer.text)  # noqa: PERF401 - those before the error count

    with pytest.raises(errors.VisionFailed):
        await listen()
    assert not [text for text in answers if "sorry" in text]
    assert type(await failure(vision, jpeg)) is errors.VisionFailed


UNUSABLE = {
    "nothing": (streaming(""), "an empty answer"),
    "nothing in one piece": (plain({"content": None}), "an empty answer"),
    "no end of thinking": (streaming("<think>Hm, {} is"), "an empty answer"),
    "prose": (streaming("I'm sorry, but I can't help with that."), "no JSON object"),
    "half an answer": (streaming(GOOD[:90], finish="length"), "no JSON object"),
    "a list": (streaming(f"[{GOOD[1:-1]}]"), "no JSON object"),
    "another object": (streaming('{"text": "A kite."}'), "wrong: alt"),
    "a number": (streaming('{"alt": 7, "title": []}'), "wrong: alt, title"),
    "objects in keywords": (streaming('{"alt": "A kite", "keywords": [{}]}'), "wrong: keywords"),
    "a deep one": (streaming('{"alt":' + "[" * 5_000 + "]" * 5_000 + "}"), "no JSON object"),
    "an object around": (streaming(json.dumps({"answer": WORDS})), "wrong: alt"),
}


@pytest.mark.parametrize(("fault", "detail"), UNUSABLE.values(), ids=UNUSABLE)
async def test_what_is_unusable_twice_is_an_error(vision, script, jpeg, fault, detail):
    script.says(fault)
    error = await failure(vision, jpeg)

    assert type(error) is errors.VisionFailed
    assert error.detail == detail
    assert len(script.asked) == 2


ENDLESS = {
    "words": (b'data: {"choices":[{"delta":{"content":"' + b"a" * 4000 + b'"}}]}\n\n', "an answer"),
    "one object": (
        b'data: {"choices":[{"delta":{"content":"' + b'[{\\"alt\\":' * 300 + b'"}}]}\n\n',
        "an answer",
    ),
    "comments": (b": still here\n\n" * 5_000, "a reply"),
    "thoughts": (
        b'data: {"choices":[{"delta":{"reasoning":"' + b"a" * 60_000 + b'"}}]}\n\n',
        "a reply",
    ),
    "one line": (b"a" * 10_000, "a line"),
}


@pytest.mark.parametrize(("data", "what"), ENDLESS.values(), ids=ENDLESS)
async def test_what_has_no_end_is_left(vision, script, jpeg, data, what):
    script.says(script.endless(data))
    error = await failure(vision, jpeg)

    assert type(error) is errors.VisionFailed
    assert error.detail == f"too long {what}"
    assert await asyncio.to_thread(script.left.wait, 30)
    assert len(script.asked) == 1


async def test_a_turn_is_given_back_after_every_fault(asker, script, jpeg):
    vision = asker(concurrency=1, tries=1)
    script.says(cut(), saying(401), plain({"refusal": "No."}), streaming())
    for _ in range(3):
        await failure(vision, jpeg)

    assert (await describe(vision, jpeg, style=STYLE)).alt == WORDS["alt"]


def test_the_key_is_not_shown():
    assert KEY not in repr(OpenAIConfig(base_url="http://x/v1", model="m", api_key=KEY))
