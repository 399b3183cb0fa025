"""Optimagio's batches as one file: everything that is completed by now (OG-51, OG-70, OG-71)."""

from collections.abc import AsyncIterator
from functools import partial

from starlette.responses import Response

from pixmill import errors
from pixmill.dialects.optimagio import batches
from pixmill.http.archives import Member, archive
from pixmill.http.dialect import Call
from pixmill.services.batches import STEP
from pixmill.services.jobs.types import Batch, Report
from pixmill.services.results import Stored

_NOTHING = "None of the files could be optimized, so there is nothing to download."


async def batch_zip(call: Call) -> Response:
    """Send all results of a batch, if all of them can be had."""
    progress = await batches.find(call)
    batch = progress.batch
    if not progress.completed:
        raise errors.BatchNotReady(_NOTHING if progress.over else None)
    if missing := await _missing(call, batch):
        raise errors.ResultsGone(missing=tuple(missing))
    return archive(_members(call, batch), filename=batch.name or batch.id)


async def batch_download(call: Call) -> Response:
    """Send the same under its other name."""
    return await batch_zip(call)


async def _completed(call: Call, batch: Batch) -> AsyncIterator[Report]:
    """Give what was completed when *batch* was read: what comes later was not looked for."""
    async for report in call.services.batches.completed(batch=batch):
        if (report.job.finish or 0) <= batch.finished:
            yield report


async def _missing(call: Call, batch: Batch) -> list[str]:
    """Return the ids of items whose results cannot be had any more."""
    missing: list[str] = []
    step: dict[str, Stored] = {}

    async def look() -> None:
        gone = await call.services.results.missing(list(step.values()))
        missing.extend(item for item, stored in step.items() if stored.id in gone)
        step.clear()

    async for report in _completed(call, batch):
        stored = report.results[0].stored
        if stored is None:
            missing.append(report.job.id)
            continue
        step[report.job.id] = stored
        if len(step) == STEP:
            await look()
    await look()
    return missing


async def _members(call: Call, batch: Batch) -> AsyncIterator[Member]:
    async for report in _completed(call, batch):
        stored = report.results[0].stored
        if stored is None:  # since they were looked for
            raise errors.ResultGone
        yield Member(
            filename=report.job.filename,
            extension=f".{stored.extension.removeprefix('.')}",
            size=stored.size,
            modified_at=stored.created_at,
            open=partial(call.services.results.open, stored),
        )
