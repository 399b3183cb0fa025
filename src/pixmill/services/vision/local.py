"""A model in this process, from a folder on this machine: nothing is sent to anybody."""

import asyncio
import importlib
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from pixmill import errors
from pixmill.services.vision import answers, prompts
from pixmill.services.vision.types import Described, Partial, Style

log = logging.getLogger(__name__)

#: Most tokens of an answer, as JSON and as one sentence.
JSON_TOKENS = 700
SENTENCE_TOKENS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    """A model and what belongs to it, of libraries that are optional and have no types here."""

    torch: Any
    transformers: Any
    processor: Any
    model: Any

    @property
    def chats(self) -> bool:
        """Say whether it can be told something; others only ever make captions."""
        return bool(getattr(self.processor, "chat_template", None))


class LocalVision:
    """
    Asks a model of the kind "image and text in, text out", one picture at a time.

    It is loaded for the first picture and stays. Models that cannot answer with JSON are asked for
    a sentence, which is all that they give.
    """

    name = "local"

    def __init__(self, folder: Path, *, timeout: float = 120.0) -> None:
        self._folder = folder
        self._timeout = timeout
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="vision")
        self._closing = threading.Event()
        self._loaded: _Loaded | None = None
        #: Whether it has answered with JSON; None before it was asked.
        self._knows_json: bool | None = None

    @property
    def model(self) -> str:
        """Return the name of the model's folder."""
        return self._folder.name

    async def describe(
        self, picture: bytes, *, style: Style, hints: Sequence[str] = ()
    ) -> AsyncGenerator[Partial | Described, None]:
        """Describe *picture*: see `pixmill.services.vision.types.Vision`."""
        async with self._turn:
            loaded = await self._load()
            deadline = asyncio.get_running_loop().time() + self._timeout
            partials = answers.Partials(style)
            if loaded.chats and self._knows_json is not False:
                said = ""
                prompt = f"{prompts.system(style)}\n\n{prompts.task(hints)}"
                async with aclosing(
                    self._generate(loaded, picture, prompt, JSON_TOKENS, deadline)
                ) as texts:
                    async for said in texts:
                        for partial in partials.of(said):
                            yield partial
                try:
                    described = answers.described(said, style)
                except answers.Unusable:
                    # What has worked once is worth another try with the next picture.
                    self._knows_json = self._knows_json or False
                else:
                    self._knows_json = True
                    yield described
                    return
            said = ""
            prompt = prompts.sentence(style)
            async with aclosing(
                self._generate(loaded, picture, prompt, SENTENCE_TOKENS, deadline)
            ) as texts:
                async for said in texts:
                    if told := partials.field("alt", said):
                        yield told
            yield answers.sentence(said, style)

    async def check(self) -> str | None:
        """See whether the model is there: see `pixmill.services.vision.types.Vision`."""
        if not await asyncio.to_thread((self._folder / "config.json").is_file):
            raise errors.VisionUnavailable(detail="no config.json")
        return None if self._loaded else "loaded for the first picture"

    async def close(self) -> None:
        """Stop what is being generated, and let go of the model."""
        self._closing.set()
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._loaded = None

    async def _load(self) -> _Loaded:
        if self._loaded is None:
            loop = asyncio.get_running_loop()
            try:
                self._loaded = await loop.run_in_executor(self._thread, _load, self._folder)
            except Exception as error:
                # What a folder with something else in it raises is anything.
                raise errors.VisionUnavailable(
                    retry_after=60, detail=f"the model cannot be loaded: {type(error).__name__}"
                ) from error
        return self._loaded

    async def _generate(
        self, loaded: _Loaded, picture: bytes, prompt: str, tokens: int, deadline: float
    ) -> AsyncGenerator[str, None]:
        """Yield the growing answer. Who stops to listen stops the model at its next token."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[str | None] = asyncio.Queue()
        stopped = threading.Event()

        def say(text: str, stream_end: bool = False) -> None:  # noqa: FBT001, FBT002 - as it is called
            del stream_end
            loop.call_soon_threadsafe(pieces.put_nowait, text)

        def work() -> None:
            try:
                _generate(
                    loaded,
                    picture,
                    prompt,
                    tokens=tokens,
                    say=say,
                    stopped=lambda: stopped.is_set() or self._closing.is_set(),
                )
            finally:
                loop.call_soon_threadsafe(pieces.put_nowait, None)

        working = loop.run_in_executor(self._thread, work)
        said = ""
        try:
            while True:
                async with asyncio.timeout_at(deadline):
                    piece = await pieces.get()
                if piece is None:
                    break
                said += piece
                yield said
            await working
        except TimeoutError:
            raise errors.VisionUnavailable(detail="timeout") from None
        except Exception as error:
            raise errors.VisionFailed(detail=f"the model fails: {type(error).__name__}") from error
        finally:
            stopped.set()
            # The next picture comes after this one, and what it raises late is not unheard.
            await asyncio.wait([working])
            working.cancelled() or working.exception()
        if self._closing.is_set():
            raise errors.VisionUnavailable(detail="closing")


def _load(folder: Path) -> _Loaded:
    """Load the model from *folder*: no network, no code of the model's own, and no pickles."""
    # Not at the top: they are optional, large, and take seconds.
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")
    transformers.utils.logging.disable_progress_bar()
    safe = {"local_files_only": True, "trust_remote_code": False}
    processor = transformers.AutoProcessor.from_pretrained(str(folder), **safe)
    model = transformers.AutoModelForImageTextToText.from_pretrained(
        str(folder), use_safetensors=True, **safe
    )
    model.eval()
    log.info("a model is loaded", extra={"model": folder.name})
    return _Loaded(torch=torch, transformers=transformers, processor=processor, model=model)


def _generate(  # noqa: PLR0913 - what generating takes
    loaded: _Loaded,
    picture: bytes,
    prompt: str,
    *,
    tokens: int,
    say: Callable[..., None],
    stopped: Callable[[], bool],
) -> None:
    """Have the model write about *picture*, and *say* each piece."""
    with Image.open(BytesIO(picture), formats=["JPEG"]) as file:
        image = file.convert("RGB")
    processor = loaded.processor
    if loaded.chats:
        content = [{"type": "image"}, {"type": "text", "text": prompt}]
        text = processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True
        )
        inputs = processor(text=text, images=[image], return_tensors="pt")
    else:
        inputs = processor(images=image, return_tensors="pt")
    streamer = loaded.transformers.TextStreamer(
        processor.tokenizer, skip_prompt=True, skip_special_tokens=True
    )
    streamer.on_finalized_text = say
    with loaded.torch.inference_mode():
        loaded.model.generate(
            **inputs,
            max_new_tokens=tokens,
            do_sample=False,
            streamer=streamer,
            stopping_criteria=[lambda *_args, **_more: stopped()],
        )
