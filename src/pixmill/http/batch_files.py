"""The results of a batch as one archive: everything that is completed by now (OG-51, OG-71)."""

from collections.abc import AsyncIterator
from functools import partial

from starlette.responses import Response

from pixmill import errors
from pixmill.http.archives import Member, archive
from pixmill.services.batches import STEP, Progress
from pixmill.services.jobs.types import Batch, Report
from pixmill.services.registry import Services
from pixmill.services.results import Stored

_NOTHING = "None of the files could be optimized, so there is nothing to download."


async def batch_archive(services: Services, progress: Progress) -> Response:
    """
    Return all results of a batch, if all of them can be had.

    Raises BatchNotReady when there are none, ResultsGone when some are deleted.
    """
    batch = progress.batch
    if not progress.completed:
        raise errors.BatchNotReady(_NOTHING if progress.over else None)
    if missing := await _missing(services, batch):
        raise errors.ResultsGone(missing=tuple(missing))
    return archive(_members(services, batch), filename=batch.name or batch.id)


async def _completed(services: Services, batch: Batch) -> AsyncIterator[Report]:
    """Give what was completed when *batch* was read: what comes later was not looked for."""
    async for report in services.batches.completed(batch=batch):
        if (report.job.finish or 0) <= batch.finished:
            yield report


async def _missing(services: Services, batch: Batch) -> list[str]:
    """Return the ids of items whose results cannot be had any more."""
    missing: list[str] = []
    step: dict[str, Stored] = {}

    async def look() -> None:
        gone = await services.results.missing(list(step.values()))
        missing.extend(item for item, stored in step.items() if stored.id in gone)
        step.clear()

    async for report in _completed(services, batch):
        stored = report.results[0].stored
        if stored is None:
            missing.append(report.job.id)
            continue
        step[report.job.id] = stored
        if len(step) == STEP:
            await look()
    await look()
    return missing


async def _members(services: Services, batch: Batch) -> AsyncIterator[Member]:
    async for report in _completed(services, batch):
        stored = report.results[0].stored
        if stored is None:  # since they were looked for
            raise errors.ResultGone
        yield Member(
            filename=report.job.filename,
            extension=f".{stored.extension.removeprefix('.')}",
            size=stored.size,
            modified_at=stored.created_at,
            open=partial(services.results.open, stored),
        )
