"""Reports: what is told of jobs, with the results that were made of them."""

import json
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.services.jobs.types import Failure, Job, Made, Report, Told, load_made
from pixmill.stores import chunks, results
from pixmill.stores.results import Stored


class Reports:
    """Puts together what several tables know of a job."""

    async def one(self, connection: AsyncConnection, job: Job) -> Report:
        """Return what is told of *job*."""
        chunk = await chunks.find(connection, id_=job.chunk_id)
        [report] = await self.all(connection, [job], base_url=chunk.base_url)
        return report

    async def all(
        self, connection: AsyncConnection, jobs: Sequence[Job], *, base_url: str = ""
    ) -> list[Report]:
        """Return what is told of *jobs*, in their order."""
        made = [load_made(job.outcomes) for job in jobs]
        ids = {each.result_id for outcomes in made for each in outcomes if each.result_id}
        stored = await results.by_ids(connection, ids=ids) if ids else {}
        return [
            Report(
                job=job,
                label=json.loads(job.label),
                results=tuple(_told(each, stored) for each in outcomes),
                failure=Failure(code=job.error, message=job.message or "") if job.error else None,
                base_url=base_url,
            )
            for job, outcomes in zip(jobs, made, strict=True)
        ]

    async def single(self, connection: AsyncConnection, jobs: Sequence[Job]) -> list[Report]:
        """Return what is told of *jobs* that are in no batch, with the API of each."""
        reports = await self.all(connection, jobs)
        apis = await chunks.dialects(connection, ids={job.chunk_id for job in jobs})
        return [replace(report, api=apis[report.job.chunk_id]) for report in reports]


def _told(made: Made, stored: dict[str, Stored]) -> Told:
    found = stored.get(made.result_id) if made.result_id else None
    return Told(stored=found, cached=made.cached, failure=made.failure)
