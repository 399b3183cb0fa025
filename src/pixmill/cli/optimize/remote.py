"""Pictures are made on a server, in batches."""

import asyncio
from dataclasses import dataclass, field

from pixmill import errors
from pixmill.cli.optimize.types import AUTO, CHOICES, EXTENSIONS, SAME, Made, Order
from pixmill.cli.optimize.work import Unusable
from pixmill.client import (
    AsyncPixmill,
    ConnectionFailed,
    Forbidden,
    Item,
    Options,
    PixmillError,
    QuotaExceeded,
    RateLimited,
    ServerFailed,
    Unauthorized,
)
from pixmill.engine.probe import probe

#: Pictures that are held at one time, and that go into one batch.
PLACES, BATCH = 64, 32

#: Seconds that the first picture of a batch waits for others.
LINGER = 0.05

#: After these, no other picture would fare better.
HOPELESS = (
    ConnectionFailed,
    Forbidden,
    QuotaExceeded,
    RateLimited,
    ServerFailed,
    Unauthorized,
)


@dataclass(slots=True)
class _Waiting:
    """Pictures that go into one batch, each with its result to come."""

    options: Options
    pictures: list[tuple[bytes, asyncio.Future[tuple[Item, bytes]]]] = field(default_factory=list)
    full: asyncio.Event = field(default_factory=asyncio.Event)


class RemoteMaker:
    """
    The server at *base_url*.

    What is lost on the way is sent again under the same idempotency key, so that it is done, and
    charged, once.
    """

    places = PLACES

    def __init__(self, base_url: str, api_key: str | None) -> None:
        # A newer version may make other pictures; `--force` has them made.
        self.engine = f"server {base_url.rstrip('/')}"
        self._client = AsyncPixmill(base_url, api_key)
        self._waiting: dict[str, _Waiting] = {}
        self._batches: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Do nothing: the first batch tells whether the server is there."""

    async def make(self, data: bytes, order: Order, format_: str) -> Made:
        """Return the picture *data* as *order* wants it."""
        info = probe(data)  # what is no picture need not travel
        result: asyncio.Future[tuple[Item, bytes]] = asyncio.get_running_loop().create_future()
        self._put(data, _options(order, format_), result)
        item, made = await result
        assert item.format is not None
        if order.place.kind == "here" and item.format != info.format:
            raise errors.UnknownFormat("This format is only read, so it cannot stay in place.")
        _check(made, item, order, format_, info.format)
        return Made(
            data=made,
            format=item.format,
            how=item.how or "encoded",
            score=item.score,
            resized=(item.width, item.height) != info.upright_size,
        )

    async def stop(self) -> None:
        """Hang up."""
        for batch in self._batches:
            batch.cancel()
        await asyncio.gather(*self._batches, return_exceptions=True)
        await self._client.close()

    def _put(
        self, data: bytes, options: Options, result: asyncio.Future[tuple[Item, bytes]]
    ) -> None:
        key = repr(sorted(options.items()))
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = _Waiting(options)
            batch = asyncio.create_task(self._send(key, waiting))
            self._batches.add(batch)
            batch.add_done_callback(self._batches.discard)
        waiting.pictures.append((data, result))
        if len(waiting.pictures) == BATCH:
            self._waiting.pop(key)
            waiting.full.set()

    async def _send(self, key: str, waiting: _Waiting) -> None:
        try:
            async with asyncio.timeout(LINGER):
                await waiting.full.wait()
        except TimeoutError:
            self._waiting.pop(key, None)
        pictures = waiting.pictures
        files = [(f"{number}", data) for number, (data, _) in enumerate(pictures)]
        try:
            batch = await self._client.batch(files, **waiting.options)
            for item in batch.items:
                result = pictures[item.index][1]
                try:
                    await self._finish(item, result)
                except PixmillError as error:  # the others may be there all the same
                    _fail(result, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody must wait for ever
            for _, result in pictures:
                _fail(result, error)

    async def _finish(self, item: Item, result: asyncio.Future[tuple[Item, bytes]]) -> None:
        data = await self._client.download(item) if item.url else b""
        if result.done():  # somebody has canceled it
            return
        if item.url:
            result.set_result((item, data))
        elif item.error and item.error.code == "quota_exceeded":
            result.set_exception(Unusable(item.error.message))
        else:
            result.set_exception(errors.BadInput(item.error.message if item.error else None))


def _check(made: bytes, item: Item, order: Order, asked: str, own: str) -> None:
    """Refuse *made* unless it is the picture that *item* tells of, in a format that was *asked*."""
    wanted = {
        SAME: [own] if own in EXTENSIONS else EXTENSIONS,
        AUTO: order.look.accept or CHOICES,
    }.get(asked, [asked])
    try:
        info = probe(made)
        sound = (info.format, info.upright_size) == (item.format, (item.width, item.height))
    except errors.Error:
        sound = False
    if not sound or item.format not in wanted:
        raise errors.BadInput("What the server has sent is not the picture that was asked for.")


def _fail(result: asyncio.Future[tuple[Item, bytes]], error: Exception) -> None:
    if not result.done():
        result.set_exception(_told(error))


def _told(error: Exception) -> Exception:
    if not isinstance(error, PixmillError):
        return Unusable("The server does not answer as a Pixmill server does.")
    if isinstance(error, HOPELESS):
        return Unusable(error.message)
    return errors.BadInput(error.message)


def _options(order: Order, format_: str) -> Options:
    """Return what *order* says in the server's words; what it does not say is left out."""
    look = order.look
    said: Options = {
        "quality": look.quality,
        "smart": look.smart,
        "keep_exif": look.metadata == "keep",
        "accept": ",".join(look.accept),
    }
    if format_ != SAME:
        said["format"] = format_
    mode = "lossless" if look.lossless else look.mode
    numbers = {name: getattr(look, name) for name in ("target", "max_bytes", "width", "height")}
    for name, value in {"mode": mode, **numbers}.items():
        if value is not None:
            said[name] = value  # type: ignore[literal-required] # each is a field of Options
    return said
