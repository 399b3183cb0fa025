"""Settings become a provider, none, or an error that names the variable at fault."""

import sys

import pytest
from anyio import run_process

from pixmill import errors
from pixmill.services.vision.providers import style_of, vision_of
from pixmill.services.vision.types import Style
from pixmill.settings import Settings
from services.vision.server import KEY

pytestmark = pytest.mark.anyio

URL = "http://127.0.0.1:8081/v1"


async def test_without_a_model_there_is_nobody():
    assert vision_of(Settings()) is None


async def test_a_url_and_a_model_are_enough():
    vision = vision_of(Settings(vision_url=f" {URL}/ ", vision_model="m"))

    assert vision is not None
    assert (vision.name, vision.model) == ("openai", "m")
    assert vision._url == f"{URL}/chat/completions"
    await vision.close()


HALVES = [
    ({"vision_model": "m"}, "PIXMILL_VISION_MODEL is set, but PIXMILL_VISION_URL is not."),
    ({"vision_api_key": KEY}, "PIXMILL_VISION_API_KEY is set, but PIXMILL_VISION_URL is not."),
    ({"vision_url": URL}, "PIXMILL_VISION_URL is set, but PIXMILL_VISION_MODEL is not."),
    (
        {"vision_url": URL, "vision_folder": "/m"},
        "PIXMILL_VISION_FOLDER and PIXMILL_VISION_URL exclude each other.",
    ),
    (
        {"vision_model": "m", "vision_folder": "/m"},
        "PIXMILL_VISION_FOLDER and PIXMILL_VISION_MODEL exclude each other.",
    ),
    (
        {"vision_folder": "/nowhere"},
        "PIXMILL_VISION_FOLDER is not a folder with a model: it has no config.json.",
    ),
    (
        {"vision_url": URL, "vision_model": "m", "vision_api_key": f"{KEY}\n"},
        "PIXMILL_VISION_API_KEY has characters that no key has.",
    ),
]


@pytest.mark.parametrize(("fields", "message"), HALVES)
async def test_half_a_configuration_is_refused_by_name(fields, message):
    with pytest.raises(errors.BadOption) as caught:
        vision_of(Settings(**fields))

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("127.0.0.1:8081/v1", "is not an http or https URL"),
        ("ftp://secret/v1", "is not an http or https URL"),
        ("http:///v1", "is not an http or https URL"),
        ("http://secret:99999999/", "is not a URL"),
        ("http://\x00secret/", "is not a URL"),
        ("https://secret@host/v1", "keys go into PIXMILL_VISION_API_KEY"),
        ("https://host/v1?key=secret", "keys go into PIXMILL_VISION_API_KEY"),
    ],
)
async def test_a_url_that_is_none_is_refused_and_not_shown(url, message):
    with pytest.raises(errors.BadOption, match=f"PIXMILL_VISION_URL .*{message}") as caught:
        vision_of(Settings(vision_url=url, vision_model="m"))

    assert "secret" not in str(caught.value) + caught.value.detail


WITHOUT = """
import sys
sys.modules["transformers"] = None  # as where it is not installed
from pixmill import errors
from pixmill.services.vision.providers import vision_of
from pixmill.settings import Settings
try:
    vision_of(Settings(vision_folder=sys.argv[1]))
except errors.BadOption as error:
    print(error)
"""


async def test_a_folder_without_the_extra_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    done = await run_process(
        [sys.executable, "-c", WITHOUT, str(tmp_path)], env={"PYTHONPATH": ":".join(sys.path)}
    )

    assert done.stdout.decode().strip() == (
        'PIXMILL_VISION_FOLDER needs the extra "local-ai", which is not installed.'
    )


async def test_a_key_is_not_shown():
    assert KEY not in repr(Settings(vision_api_key=KEY))


async def test_the_style_is_what_the_settings_say(tmp_path):
    file = tmp_path / "style.txt"
    file.write_text("Keep it short – always.\n")

    assert style_of(Settings()) == Style(language="en")
    assert style_of(Settings(vision_language="de", vision_style="Kurz.")) == Style(
        language="de", house_style="Kurz."
    )
    assert style_of(Settings(vision_style_file=str(file))).house_style == "Keep it short – always."


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"vision_language": "english!"}, "PIXMILL_VISION_LANGUAGE: The language must be a tag"),
        ({"vision_style": "x" * 4001}, "PIXMILL_VISION_STYLE: The house style must have at most"),
        ({"vision_style_file": "/nowhere"}, "PIXMILL_VISION_STYLE_FILE is not a file in UTF-8"),
        ({"vision_style_file": "/proc/self/exe"}, "PIXMILL_VISION_STYLE_FILE is not a file in UTF"),
        ({"vision_style": "x", "vision_style_file": "y"}, "exclude each other"),
    ],
)
async def test_a_style_that_is_none_is_refused_by_name(fields, message):
    with pytest.raises(errors.BadOption, match=message):
        style_of(Settings(**fields))


async def test_a_long_file_is_not_read_to_its_end(tmp_path):
    file = tmp_path / "style.txt"
    file.write_text("x" * 4001)
    with pytest.raises(errors.BadOption, match=r"STYLE_FILE: The house style"):
        style_of(Settings(vision_style_file=str(file)))
