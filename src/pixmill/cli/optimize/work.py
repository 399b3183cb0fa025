"""The work on each picture: skip it, or have it made and write what is worth it."""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from pixmill import errors
from pixmill.cli import files
from pixmill.cli.files import Read
from pixmill.cli.optimize import planning
from pixmill.cli.optimize.cache import Cache, Entry, digest, key_of
from pixmill.cli.optimize.planning import Planned
from pixmill.cli.optimize.types import SAME, Made, Order, Output, Row

#: Pictures after which the cache is saved, so that whoever stops the run does not lose all.
SAVED_EVERY = 200

#: Of a picture that is as it was made here: its engine does not matter, because to make it again
#: would only take from its look.
ANY_ENGINE = "any"


class Unusable(Exception):
    """Nothing can be made any more, of whatever picture: the server refuses, or is not there."""


class Maker(Protocol):
    """What makes pictures."""

    @property
    def engine(self) -> str:
        """Return what changes when the same picture could become another."""

    @property
    def places(self) -> int:
        """Return how many pictures are held at one time, so that it always has something to do."""

    async def start(self) -> None:
        """Get ready; called before the first picture."""

    async def make(self, data: bytes, order: Order, format_: str) -> Made:
        """Return the picture *data* as *order* wants it. Raises `errors.Error`, `Unusable`."""

    async def stop(self) -> None:
        """Give everything back, at once."""


@dataclass(slots=True, kw_only=True)
class Work:
    """What all pictures of one call share."""

    order: Order
    maker: Maker
    cache: Cache
    done: Callable[[Row], object]  #: called after each picture
    trouble: str | None = None  #: why the maker is `Unusable`
    _start: asyncio.Task[None] | None = field(default=None, init=False)
    _finished: int = field(default=0, init=False)
    _cwd: Path = field(default_factory=Path.cwd, init=False)

    async def run(self, planned: Sequence[Planned]) -> list[Row]:
        """
        Return what became of each of *planned*.

        Only as many are in memory as the maker has places. Whatever happens, what was found out is
        in the cache afterwards.
        """
        rows: list[Row | None] = [None] * len(planned)
        turns = iter(enumerate(planned))
        tasks = [
            asyncio.create_task(self._take(turns, rows))
            for _ in range(min(self.maker.places, len(planned)))
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._save()
        return [row for row in rows if row]

    async def _take(self, turns: Iterator[tuple[int, Planned]], rows: list[Row | None]) -> None:
        for place, planned in turns:
            row = rows[place] = await self._one(planned)
            self.done(row)
            self._finished += 1
            if self._finished % SAVED_EVERY == 0:
                await asyncio.to_thread(self._save)

    def _save(self) -> None:
        if self.order.writes:
            try:
                self.cache.save()
            except (errors.Error, OSError) as error:
                self.cache.remark = _said(error)

    async def _one(self, planned: Planned) -> Row:
        source = planned.source
        if source.error:
            return Row(file=source.name, error=source.error)
        try:
            read, sha256 = await asyncio.to_thread(_read, source.path)
        except (errors.Error, OSError) as error:
            return Row(file=source.name, error=_said(error))
        outputs = [
            await self._output(planned, read, sha256, format_) for format_ in self.order.formats
        ]
        return Row(file=source.name, outputs=tuple(outputs))

    async def _output(self, planned: Planned, read: Read, sha256: str, format_: str) -> Output:
        before = len(read.data)
        key = key_of(sha256, self.order, format_, self.maker.engine)
        if not self.order.force and (known := await self._known(planned, sha256, key, format_)):
            return replace(known, before=before)
        failed = Output(format=format_, status="failed", before=before)
        if self.trouble:
            return replace(failed, error=self.trouble)
        await self._ready()
        try:
            made = await self._made(read.data, format_)
            keeping = asyncio.create_task(self._keep(planned, read, made, key, format_))
            try:
                return await asyncio.shield(keeping)
            finally:  # also when interrupted: what is written must be known
                await asyncio.wait([keeping])
        except Unusable as error:
            self.trouble = str(error)
            return replace(failed, error=self.trouble)
        except (errors.Error, OSError) as error:
            return replace(failed, error=_said(error))

    async def _keep(
        self, planned: Planned, read: Read, made: Made, key: str, format_: str
    ) -> Output:
        """Write what was *made* if it is worth it, and remember it under *key*."""
        output, entry = await asyncio.to_thread(self._kept, planned, read, made)
        if entry:
            self.cache.put(key, entry)
            if output.status == "written" and self.order.place.kind == "here" and entry.sha256:
                own = replace(entry, sha256=None, reason="made")
                self.cache.put(key_of(entry.sha256, self.order, format_, ANY_ENGINE), own)
        return output

    async def _made(self, data: bytes, format_: str) -> Made:
        made = await self.maker.make(data, self.order, format_)
        if format_ == SAME and made.resized and len(made.data) > len(data):
            # Fewer pixels may take more bytes, of a drawing with few colors. All of its pixels do
            # not, and whoever wants all pictures in a folder finds this one, too.
            look = replace(self.order.look, width=None, height=None)
            made = await self.maker.make(data, replace(self.order, look=look), format_)
        return made

    async def _ready(self) -> None:
        """Wait for the maker, which is started by the first picture that needs it."""
        if self._start is None:
            self._start = asyncio.create_task(self.maker.start())
        await asyncio.shield(self._start)

    async def _known(self, planned: Planned, sha256: str, key: str, format_: str) -> Output | None:
        """Return what was found out before, if nothing has changed since."""
        entry = self.cache.get(key)
        if self.order.place.kind == "here" and not entry:
            entry = self.cache.get(key_of(sha256, self.order, format_, ANY_ENGINE))
        if not entry:
            return None
        target = None
        if entry.sha256:
            if self.order.place.kind == "here":
                return None  # the picture is again what it was before the last run
            target = planned.target(entry.format)
            if await asyncio.to_thread(_digest_at, target) != entry.sha256:
                return None
        return Output(
            format=entry.format,
            status="cached",
            file=self._shown(target),
            after=entry.size,
            how=entry.how,
            score=entry.score,
            reason=entry.reason,
        )

    def _kept(self, planned: Planned, read: Read, made: Made) -> tuple[Output, Entry | None]:
        """Write what was *made* if it is worth it, and say what to remember."""
        here = self.order.place.kind == "here"
        target = planned.source.path if here else planned.target(made.format)
        after = len(made.data)
        output = Output(
            format=made.format,
            status="skipped",
            before=len(read.data),
            after=after,
            how=made.how,
            score=made.score,
        )
        entry = Entry(format=made.format, size=after, how=made.how, score=made.score)
        if reason := self._reason_against(made, len(read.data)):
            return replace(output, reason=reason), replace(entry, reason=reason)
        if not here and target == planned.source.path:
            return replace(output, reason="same_file"), None
        output = replace(output, file=self._shown(target))
        entry = replace(entry, sha256=digest(made.data))
        if not here and _digest_at(target) == entry.sha256:
            return replace(output, status="cached"), entry
        self._check_free(target)
        if not self.order.writes:
            return replace(output, status="pending"), None
        if here:
            # Of this there is no other copy, and a crash must not take it.
            files.replace(target, made.data, was=read.status, dates=self.order.keep_dates)
        else:
            planning.check(target, self.order.place)
            target.parent.mkdir(parents=True, exist_ok=True)
            files.write(
                target, made.data, like=read.status, dates=self.order.keep_dates, durable=False
            )
        return replace(output, status="written"), entry

    def _check_free(self, target: Path) -> None:
        """Refuse to write over what somebody else has put beside a picture. Raises Conflict."""
        beside = self.order.place.kind in {"beside", "suffix"}
        if self.order.force or not beside or not os.path.lexists(target):
            return
        if not self.cache.made(_digest_at(target)):
            raise errors.Conflict(
                f"{target.name} is there already, and was not made from this picture; "
                "--force replaces it."
            )

    def _shown(self, path: Path | None) -> str | None:
        """Return *path* as people would name it here."""
        if path is None:
            return None
        with suppress(ValueError):
            return str(path.relative_to(self._cwd))
        return str(path)

    def _reason_against(self, made: Made, before: int) -> str | None:
        """Return why a picture of *before* bytes is better as it is."""
        after = len(made.data)
        if after > before or (after == before and self.order.place.kind == "here"):
            return "larger"
        # Whoever asks for a smaller picture does not ask for the sake of bytes.
        if not made.resized and not self.order.savings.met(before, after):
            return "min_savings"
        return None


def _read(path: Path) -> tuple[Read, str]:
    read = files.read(path)
    return read, digest(read.data)


def _digest_at(path: Path) -> str | None:
    with suppress(errors.Error, OSError):
        return digest(files.read(path).data)
    return None


def _said(error: errors.Error | OSError) -> str:
    if isinstance(error, errors.Error):
        return str(error)
    return error.strerror or "The file could not be read or written."
