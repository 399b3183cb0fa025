"""Which model describes pictures, as the settings have it, and the short way to ask it."""

import importlib.util
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

import httpx

from pixmill import errors
from pixmill.services.vision.local import LocalVision
from pixmill.services.vision.openai import OpenAIConfig, OpenAIVision
from pixmill.services.vision.types import HOUSE_STYLE_LENGTH, Described, Style, Vision
from pixmill.settings import Settings, variable

#: What the extra ``local-ai`` brings.
_LIBRARIES = ("torch", "transformers")

_URL = variable("vision_url")
_MODEL = variable("vision_model")
_KEY = variable("vision_api_key")
_FOLDER = variable("vision_folder")
_STYLE = variable("vision_style")
_STYLE_FILE = variable("vision_style_file")


def vision_of(settings: Settings) -> Vision | None:
    """
    Return who describes pictures; None when no model is configured, which is no error.

    Nobody is asked yet and nothing is loaded. Raises BadOption, naming the variable, for half a
    configuration.
    """
    key = settings.vision_api_key.get_secret_value()
    if settings.vision_folder:
        for name, value in ((_URL, settings.vision_url), (_MODEL, settings.vision_model)):
            if value:
                raise errors.BadOption(f"{_FOLDER} and {name} exclude each other.")
        return LocalVision(_folder(settings.vision_folder), timeout=settings.vision_timeout)
    if not settings.vision_url:
        for name, value in ((_MODEL, settings.vision_model), (_KEY, key)):
            if value:
                raise errors.BadOption(f"{name} is set, but {_URL} is not.")
        return None
    if not settings.vision_model:
        raise errors.BadOption(f"{_URL} is set, but {_MODEL} is not.")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise errors.BadOption(f"{_KEY} has characters that no key has.")
    return OpenAIVision(
        OpenAIConfig(
            base_url=_base_url(settings.vision_url),
            model=settings.vision_model,
            api_key=key,
            timeout=settings.vision_timeout,
            concurrency=settings.vision_concurrency,
        )
    )


def style_of(settings: Settings) -> Style:
    """
    Return how pictures are described unless a caller asks for something else.

    Raises BadOption, naming the variable.
    """
    house_style = settings.vision_style
    if settings.vision_style_file:
        if house_style:
            raise errors.BadOption(f"{_STYLE} and {_STYLE_FILE} exclude each other.")
        try:
            with Path(settings.vision_style_file).open(encoding="utf-8") as file:
                house_style = file.read(HOUSE_STYLE_LENGTH + 1).strip()
        except (OSError, UnicodeDecodeError) as error:
            raise errors.BadOption(
                f"{_STYLE_FILE} is not a file in UTF-8 that can be read.", detail=str(error)
            ) from error
    language = settings.vision_language
    _named(variable("vision_language"), language=language)
    name = _STYLE_FILE if settings.vision_style_file else _STYLE
    return _named(name, language=language, house_style=house_style)


def _named(name: str, *, language: str, house_style: str = "") -> Style:
    """Return the style, or say which variable is at fault."""
    try:
        return Style(language=language, house_style=house_style)
    except errors.BadOption as error:
        raise errors.BadOption(f"{name}: {error}") from error


async def describe(
    vision: Vision, picture: bytes, *, style: Style, hints: Sequence[str] = ()
) -> Described:
    """Return the whole description, for callers who do not watch it grow."""
    async with aclosing(vision.describe(picture, style=style, hints=hints)) as answers:
        async for answer in answers:
            if isinstance(answer, Described):
                return answer
    raise errors.VisionFailed(detail="no end")


def _base_url(text: str) -> str:
    """Return the base without a slash at its end. Raises BadOption, without the URL in it."""
    text = text.strip().rstrip("/")
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise errors.BadOption(f"{_URL} is not a URL.") from None
    if not 0 < (url.port or 80) < 65536:
        raise errors.BadOption(f"{_URL} is not a URL.")
    if url.scheme not in {"http", "https"} or not url.host:
        raise errors.BadOption(f"{_URL} is not an http or https URL.")
    if url.userinfo or url.query or url.fragment:
        raise errors.BadOption(f"{_URL} has more than an address and a path; keys go into {_KEY}.")
    return text


def _folder(text: str) -> Path:
    folder = Path(text)
    if not (folder / "config.json").is_file():
        raise errors.BadOption(f"{_FOLDER} is not a folder with a model: it has no config.json.")
    if missing := [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]:
        raise errors.BadOption(
            f'{_FOLDER} needs the extra "local-ai", which is not installed.',
            detail=f"no {', '.join(missing)}",
        )
    return folder
