"""Models in this process: real ones, tiny, made here, and whatever may go wrong with them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from pixmill import errors
from pixmill.services.vision.local import LocalVision
from pixmill.services.vision.providers import describe, vision_of
from pixmill.services.vision.types import Described, Lengths, Partial, Style
from pixmill.settings import Settings
from services.vision import tiny
from services.vision.server import GOOD, WORDS

pytestmark = [
    pytest.mark.anyio,
    # torch and transformers warn about themselves.
    pytest.mark.filterwarnings("ignore"),
]

STYLE = Style()
SENTENCE = ["a red kite ", "above a beach ", "at low ", "tide"]


@pytest.fixture(scope="module")
def fluent(tmp_path_factory) -> Path:
    """Give a model that answers with JSON."""
    pieces = [GOOD[at : at + 10] for at in range(0, len(GOOD), 10)]
    return tiny.save_chatting(tmp_path_factory.mktemp("m") / "fluent", pieces)


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    """Give a model that says a sentence whatever it is told."""
    return tiny.save_chatting(tmp_path_factory.mktemp("m") / "plain", SENTENCE)


@pytest.fixture(scope="module")
def endless(tmp_path_factory) -> Path:
    pieces = ["and a kite ", "and another "]
    return tiny.save_chatting(tmp_path_factory.mktemp("m") / "endless", pieces, endless=True)


@pytest.fixture
async def of() -> AsyncIterator[Callable[..., LocalVision]]:
    made = []

    def make(folder, *, knows_json=None, **fields) -> LocalVision:
        made.append(LocalVision(folder, **fields))
        made[-1]._knows_json = knows_json
        return made[-1]

    yield make
    for vision in made:
        await vision.close()


async def test_a_folder_is_enough(fluent, jpeg):
    vision = vision_of(Settings(vision_folder=str(fluent)))
    assert vision is not None
    answers = [answer async for answer in vision.describe(jpeg, style=STYLE, hints=["kite.jpg"])]
    await vision.close()

    assert (vision.name, vision.model) == ("local", "fluent")
    assert answers[-1] == Described(**{**WORDS, "keywords": tuple(WORDS["keywords"])})
    partials = answers[:-1]
    assert all(isinstance(partial, Partial) for partial in partials)
    assert len({partial.text for partial in partials if partial.field == "alt"}) > 1
    for partial in partials:
        assert WORDS[partial.field].startswith(partial.text)


async def test_a_model_without_json_gives_a_sentence_and_nothing_else(of, plain, jpeg):
    vision = of(plain)
    for _ in range(2):
        answers = [answer async for answer in vision.describe(jpeg, style=STYLE)]

        said = "".join(SENTENCE)
        assert answers[-1] == Described(alt=said, caption=said)
        assert {answer.field for answer in answers[:-1]} == {"alt"}


async def test_a_model_that_makes_captions_gives_one(of, tmp_path, jpeg):
    vision = of(tiny.save_captioning(tmp_path / "blip"))
    found = await describe(vision, jpeg, style=STYLE)

    assert found.alt
    assert found.caption
    assert found.caption.startswith(found.alt)
    assert (found.title, found.description, found.filename, found.keywords) == (None,) * 3 + ((),)


async def test_an_answer_without_end_is_cut(of, endless, jpeg):
    found = await describe(
        of(endless, knows_json=False), jpeg, style=Style(lengths=Lengths(alt=30))
    )

    assert found.alt == "and a kite and another and a"
    assert found.caption
    assert len(found.caption) <= 300


async def test_pictures_wait_for_each_other(of, plain, jpeg):
    vision = of(plain)
    found = await asyncio.gather(*(describe(vision, jpeg, style=STYLE) for _ in range(3)))

    assert {each.alt for each in found} == {"".join(SENTENCE)}


async def test_who_stops_to_listen_stops_the_model(of, endless, jpeg):
    vision = of(endless, knows_json=False)
    async with aclosing(vision.describe(jpeg, style=STYLE)) as answers:
        await anext(answers)
    assert vision._thread._work_queue.empty()

    assert await describe(vision, jpeg, style=STYLE)


async def test_who_is_canceled_stops_the_model(of, endless, jpeg):
    vision = of(endless, knows_json=False)
    started = asyncio.Event()

    async def ask() -> None:
        async for _ in vision.describe(jpeg, style=STYLE):
            started.set()

    asking = asyncio.create_task(ask())
    await started.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert await describe(vision, jpeg, style=STYLE)


async def test_a_model_that_takes_too_long_is_stopped(of, endless, jpeg):
    vision = of(endless, timeout=0.0001)
    with pytest.raises(errors.VisionUnavailable) as caught:
        await describe(vision, jpeg, style=STYLE)

    assert caught.value.detail == "timeout"


async def test_a_model_that_says_nothing_has_failed(of, tmp_path, jpeg):
    vision = of(tiny.save_chatting(tmp_path / "silent", []))
    with pytest.raises(errors.VisionFailed):
        await describe(vision, jpeg, style=STYLE)


async def test_half_an_object_is_no_sentence(of, tmp_path, jpeg):
    vision = of(tiny.save_chatting(tmp_path / "half", ['{"alt": "a red ', "kite above the be"]))
    with pytest.raises(errors.VisionFailed):
        await describe(vision, jpeg, style=STYLE)


async def test_what_is_no_picture_has_failed(of, plain):
    with pytest.raises(errors.VisionFailed) as caught:
        await describe(of(plain), b"\xff\xd8 and no more", style=STYLE)

    assert str(caught.value) == "The model has no description of this picture."


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
async def test_a_folder_with_something_else_is_unavailable(of, plain, tmp_path, jpeg, name):
    for path in plain.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).write_text("{}")
    with pytest.raises(errors.VisionUnavailable) as caught:
        await describe(of(tmp_path), jpeg, style=STYLE)

    assert str(tmp_path) not in str(caught.value) + caught.value.detail


async def test_weights_that_could_run_code_are_not_loaded(of, plain, tmp_path, jpeg):
    ran = tmp_path / "ran"
    for path in plain.iterdir():
        if path.name != "model.safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    pickle = f"cposix\nsystem\n(Vtouch {ran}\ntR."
    (tmp_path / "pytorch_model.bin").write_text(pickle)
    with pytest.raises(errors.VisionUnavailable):
        await describe(of(tmp_path), jpeg, style=STYLE)

    assert not ran.exists()


async def test_code_of_a_model_is_not_run(of, plain, tmp_path, jpeg):
    ran = tmp_path / "ran"
    for path in plain.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config["model_type"] = "stranger"
    config["auto_map"] = {
        "AutoConfig": "stranger.Config",
        "AutoModelForImageTextToText": "stranger.Model",
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "stranger.py").write_text(f"open({str(ran)!r}, 'w')\n")
    with pytest.raises(errors.VisionUnavailable):
        await describe(of(tmp_path), jpeg, style=STYLE)

    assert not ran.exists()


async def test_who_has_closed_describes_nothing(of, endless, jpeg):
    vision = of(endless, knows_json=False)

    async def ask() -> None:
        async for _ in vision.describe(jpeg, style=STYLE):
            await vision.close()

    with pytest.raises(errors.VisionUnavailable):
        await ask()
