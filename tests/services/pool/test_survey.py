"""Surveys by locked codec processes, and what is believed of them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixmill import errors
from pixmill.engine.survey import Survey, survey
from pixmill.engine.types import Limits, Options
from pixmill.engine.words import embed
from pixmill.engine.words.types import MOST_LONG, MOST_SHORT, Words
from pixmill.services.pool import messages, replies
from pixmill.services.pool.blob import Blob
from pixmill.services.pool.surveyed import Surveyed
from services.pool.bench import Bench, OpenPool

from fixtures.pictures import animation, encode, exif, photo, translucent

JOB = messages.Job(id=7, options=None, limits=Limits())
SHORT, LONG = "🦊" * MOST_SHORT, '"🦊' * (MOST_LONG // 2)
WORDS = Words(
    title=SHORT,
    alt=SHORT,
    caption=SHORT,
    description=LONG,
    keywords=("🦊" * 25,) * 200,
    copyright=SHORT,
)
JPEG = encode(photo(64, 48), "JPEG", exif=exif(6, gps=True))
UPLOAD = embed(JPEG, WORDS).data
FOUND = survey(UPLOAD, Limits())


@pytest.fixture(scope="module")
def engine(open_shared_pool: OpenPool) -> Bench:
    return open_shared_pool(
        preload="pixmill.engine.preload:preload", target="pixmill.engine.work:work"
    )


async def surveyed(bench: Bench, data: bytes) -> Survey:
    with Blob.of(data) as blob:
        return await bench.pool.survey(blob, memory_size=1)


@pytest.mark.parametrize(
    "data",
    [
        UPLOAD,
        encode(translucent(), "PNG"),
        encode(photo(), "AVIF"),
        encode(photo(64, 48), "TIFF"),
        animation("GIF"),
        animation("WEBP"),
    ],
)
def test_a_codec_process_finds_what_the_engine_finds(engine: Bench, data: bytes) -> None:
    assert engine.run(surveyed(engine, data)) == survey(data, Limits())


def test_one_process_does_both_kinds_of_work(engine: Bench) -> None:
    async def both() -> tuple[str, str]:
        with Blob.of(JPEG) as blob:
            made = await engine.pool.optimize(blob, Options(format="webp"), memory_size=1)
            found = await engine.pool.survey(blob, memory_size=1)
        return made.format, found.format

    assert engine.run(both()) == ("webp", "jpeg")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (JPEG[: len(JPEG) // 2], errors.UnreadableImage),
        (encode(photo(), "PNG")[:2000], errors.UnreadableImage),
        (b"<svg/>", errors.UnsupportedFormat),
        (b"", errors.UnsupportedFormat),
    ],
)
def test_a_broken_picture_is_an_error_and_the_process_lives(
    engine: Bench, data: bytes, error: type[errors.Error]
) -> None:
    crashed = engine.pool.status().counters.crashed
    with pytest.raises(error):
        engine.run(surveyed(engine, data))

    assert engine.pool.status().counters.crashed == crashed
    assert engine.run(surveyed(engine, JPEG)).format == "jpeg"


def test_a_picture_over_the_limits_is_refused(open_pool: OpenPool) -> None:
    bench = open_pool(
        preload="pixmill.engine.preload:preload",
        target="pixmill.engine.work:work",
        limits=Limits(max_pixels=1000),
    )
    with pytest.raises(errors.TooManyPixels):
        bench.run(surveyed(bench, JPEG))


PLAIN = survey(JPEG, Limits())


def plain(**changes: Any) -> dict[str, Any]:
    """Word a sound survey, with *changes* to its facts."""
    return messages.done(JOB, size=len(PLAIN.data), facts=PLAIN.facts() | changes)


def read(message: object, data: bytes = PLAIN.data) -> Survey:
    text = json.dumps(message).encode()
    reply = replies.read_reply(text, kind=Surveyed, job_id=7, output_size=1 << 20)
    return reply.with_data(data)


def test_a_sound_survey_is_believed() -> None:
    assert read(plain()) == PLAIN


def words(**changes: Any) -> dict[str, Any]:
    return {**PLAIN.facts()["words"], **changes}


LIES = {
    "a format that is not read": plain(format="exe"),
    "no side": plain(width=0),
    "a share above all": plain(colors=[{"hex": "#000000", "share": 1.5}]),
    "a color that is code": plain(colors=[{"hex": "red;url", "share": 0.5}]),
    "a color and a line": plain(colors=[{"hex": "#000000\n", "share": 0.5}]),
    "too many colors": plain(colors=[{"hex": "#000000", "share": 0.1}] * 6),
    "no sharpness": plain(sharpness=float("nan")),
    "a sharpness below none": plain(sharpness=-1.0),
    "a date that is none": plain(shot={"taken": "yesterday", "make": None, "model": None}),
    "a date and a line": plain(
        shot={"taken": "2024-05-01T10:11:12\n", "make": None, "model": None}
    ),
    "a name that colors": plain(shot={"taken": None, "make": "\x1b[31m", "model": None}),
    "a name without end": plain(shot={"taken": None, "make": None, "model": "x" * 101}),
    "a place": plain(gps={"latitude": 52}),
    "words with a zero": plain(words=words(title="a\0")),
    "blank words": plain(words=words(alt=" ")),
    "words without end": plain(words=words(alt="x" * 1001)),
    "too many keywords": plain(words=words(keywords=["x"] * 201)),
    "more words": plain(words=words(more="x")),
    "a manifest that is text": plain(c2pa="yes"),
    "another kind of answer": messages.done(
        JOB, size=5, facts={"format": "webp", "width": 1, "height": 1, "frames": 1}
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_what_no_sound_survey_says_is_a_lie(name: str) -> None:
    with pytest.raises(replies.Lie):
        read(LIES[name])


@pytest.mark.parametrize(
    "data",
    [b"x" * 100, JPEG, encode(photo(769, 10), "JPEG"), encode(photo(20, 10), "PNG"), b""],
    ids=["no picture", "with metadata", "too large", "another format", "nothing"],
)
def test_a_preview_that_nobody_asked_for_is_a_lie(data: bytes) -> None:
    with pytest.raises(replies.Lie):
        read(plain() | {"size": max(1, len(data))}, data)


@given(data=st.data())
def test_a_survey_with_anything_else_in_one_place_is_a_lie_or_as_proper(
    data: st.DataObject,
) -> None:
    message = json.loads(json.dumps(plain()))
    place = data.draw(
        st.sampled_from([message, *(message["facts"][key] for key in ("shot", "words"))])
    )
    anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    place[data.draw(st.sampled_from(sorted(place)) | st.text())] = data.draw(anything)
    try:
        found = read(message)
    except (replies.Lie, errors.UnreadableImage):
        return

    assert json.loads(json.dumps(found.facts())) == message["facts"]


@pytest.mark.parametrize("lie", [{}, {"id": 1}, LIES["a place"], LIES["another kind of answer"]])
def test_a_lie_about_a_survey_costs_the_liar_its_life(open_pool: OpenPool, lie: Any) -> None:
    bench = open_pool()
    liar = bench.ask("process")["pid"]
    told = json.dumps(lie).replace('"id": 7', '"id": {id}')
    with pytest.raises(errors.UnreadableImage):
        bench.run(surveyed(bench, json.dumps(["say", [told], "x" * 5]).encode()))

    assert bench.ask("process")["pid"] != liar


def test_the_most_words_that_a_file_can_have_fit_into_a_message() -> None:
    assert FOUND.words == WORDS
    text = json.dumps(FOUND.facts(), ensure_ascii=False).encode()

    assert len(text) < 62_000
