"""Looking at a server that runs: everything at once, and nothing for longer than a moment."""

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pixmill import errors
from pixmill.services.health import installation
from pixmill.services.health.types import Backlog, Disk, Finding, Node, Report
from pixmill.services.limits import RateLimits
from pixmill.services.mail import Mail
from pixmill.services.pool.pool import Pool
from pixmill.services.quotas import Quotas
from pixmill.services.vision.types import Vision
from pixmill.settings import Settings, variable
from pixmill.stores import jobs, nodes, runs
from pixmill.stores.db import Database
from pixmill.stores.objects import Objects
from pixmill.stores.schema import newest, revision

T = TypeVar("T")

#: Seconds that one look may take.
PATIENCE = 2.0

#: Seconds after which a node that says nothing is not alive, whatever its row says.
_SILENCE = 30.0

_KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """Something that the server reaches, and how one sees that it does."""

    name: str
    detail: str  #: what it is, when it is there
    needed: bool
    look: Callable[[], Awaitable[str | None]]  #: returns what more there is to say


class Health:
    """How the server does, for whoever runs it."""

    def __init__(  # noqa: PLR0913 - what a server is made of
        self,
        *,
        settings: Settings,
        database: Database,
        quotas: Quotas,
        objects: Objects,
        limits: RateLimits,
        mail: Mail,
        pool: Pool,
        vision: Vision | None,
    ) -> None:
        self._settings = settings
        self._database = database
        self._quotas = quotas
        self._objects = objects
        self._limits = limits
        self._mail = mail
        self._pool = pool
        self._vision = vision

    async def report(self) -> Report:
        """Look at everything. What cannot be reached is said, and never raised."""
        looking = asyncio.gather(*(self._look(subject) for subject in self._subjects()))
        backlog, disk, outside = await asyncio.gather(
            _attempt(self._backlog), asyncio.to_thread(_disk, self._settings.data_dir), looking
        )
        status = self._pool.status()
        return Report(
            libraries=list(installation.libraries()),
            formats=list(installation.formats()),
            layers=list(installation.layers(status.layers, status.missing)),
            outside=[*outside, *self._absent()],
            pool=status,
            limits=self._limits.status(),
            backlog=backlog,
            disk=disk,
            settings=[
                variable(name)
                for name in type(self._settings).model_fields
                if name in self._settings.model_fields_set
            ],
        )

    def _subjects(self) -> list[_Subject]:
        on_disk = self._settings.resolved_storage_url.startswith("file:")
        subjects = [
            _Subject(
                name="Database",
                detail=_KINDS[self._database.dialect],
                needed=True,
                look=self._see_database,
            ),
            _Subject(
                name="Storage",
                detail="a folder on this machine" if on_disk else "a bucket of an S3 service",
                needed=True,
                look=self._see_storage,
            ),
            _Subject(
                name="Rate limits",
                detail="counted in Valkey, with other servers"
                if self._limits.status().shared
                else "counted in this process",
                needed=False,
                look=self._see_limits,
            ),
        ]
        if self._vision:
            kind = "in this process" if self._vision.name == "local" else "asked over HTTP"
            subjects.append(
                _Subject(
                    name="Vision model",
                    detail=f"{self._vision.model}, {kind}",
                    needed=False,
                    look=self._vision.check,
                )
            )
        if self._mail.works:
            subjects.append(
                _Subject(name="Mail", detail="an SMTP server", needed=False, look=self._mail.check)
            )
        return subjects

    def _absent(self) -> list[Finding]:
        """Return what is not configured, and what that means."""
        absent = []
        if not self._vision:
            absent.append(("Vision model", "none: sessions cannot be analyzed", "vision_url"))
        if not self._mail.works:
            absent.append(("Mail", "none: links are shown here and sent by hand", "mail_url"))
        return [
            Finding(name=name, state="off", detail=f"{detail}. See {variable(setting)}.")
            for name, detail, setting in absent
        ]

    async def _look(self, subject: _Subject) -> Finding:
        try:
            async with asyncio.timeout(PATIENCE):
                more = await subject.look()
        except TimeoutError:
            failure = "did not answer in time"
        except errors.Error as error:
            _log.warning("%s: %s", subject.name, error, extra={"detail": error.detail})
            failure = f"cannot be used: {error}"
        else:
            detail = f"{subject.detail}, {more}" if more else subject.detail
            return Finding(name=subject.name, state="ok", detail=detail)
        return Finding(
            name=subject.name,
            state="missing" if subject.needed else "away",
            detail=f"{subject.detail}: {failure}",
        )

    async def _see_database(self) -> str:
        await self._quotas.rehearse()
        async with self._database.reading() as connection:
            have = await revision(connection)
        want = await asyncio.to_thread(newest)
        return f"at revision {have}" if have == want else f"at revision {have}, not at {want}"

    async def _see_storage(self) -> str:
        await self._objects.rehearse()
        return "can be written"

    async def _see_limits(self) -> None:
        await self._limits.check()

    async def _backlog(self) -> Backlog:
        async with self._database.reading() as connection:
            counts = await jobs.counts(connection)
            going = await runs.unfinished(connection)
            now = await nodes.now(connection)
            there = await nodes.listed(connection)
        return Backlog(
            queued=counts.get("queued", 0),
            processing=counts.get("processing", 0),
            runs=going,
            nodes=[
                Node(
                    name=node.id,
                    alive=node.state == "live" and (now - node.seen_at).total_seconds() < _SILENCE,
                    seen_at=node.seen_at,
                )
                for node in there
            ],
        )


async def _attempt(look: Callable[[], Awaitable[T]]) -> T | None:
    try:
        async with asyncio.timeout(PATIENCE):
            return await look()
    except (errors.Error, TimeoutError):
        return None


def _disk(folder: Path) -> Disk | None:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return Disk(size=usage.total, free=usage.free)
