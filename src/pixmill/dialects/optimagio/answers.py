"""What Optimagio says of results, jobs and batches."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pixmill import clock, errors
from pixmill.dialects.optimagio import words
from pixmill.http import disposition
from pixmill.http.dialect import Call
from pixmill.services.batches import Progress
from pixmill.services.jobs.types import Job, Report, State
from pixmill.services.results import Results, Stored

#: Where results are downloaded. The name says nothing to us; it is there because programs tell
#: the kind of a file by the end of its URL's path.
FILE_PATH = "/api/files/{id}/{name}"

JOBS_PATH = "/api/v1/jobs"
BATCHES_PATH = "/api/v1/optimize/batch"

#: How far a job is, in percent. Nobody can say how much of one image is done, so there is one
#: number between the first and the last.
PROGRESS: Mapping[State, int] = {
    "queued": 0,
    "processing": 50,
    "completed": 100,
    "failed": 100,
    "cancelled": 100,
    "expired": 100,
}

#: The published fields of a result (OG-23).
RESULT = (
    "optimized_url",
    "original_size",
    "optimized_size",
    "saved_bytes",
    "percent",
    "format",
    "width",
    "height",
    "cached",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where everything is that is told of."""

    base_url: str
    results: Results

    @classmethod
    def of(cls, call: Call) -> "Links":
        """Return links below the address that *call* was sent to."""
        return cls(base_url=call.base_url, results=call.services.results)

    def file(self, stored: Stored) -> str:
        """Return where anybody can have the result (OG-28)."""
        name = f"{disposition.stem(stored.filename)}.{stored.extension.removeprefix('.')}"
        path = FILE_PATH.format(id=stored.id, name=quote(name, safe=""))
        # In the query, which is in no log of ours.
        return f"{self.base_url}{path}?signature={self.results.link(stored)}"

    def job(self, id_: str) -> str:
        """Return where the job can be asked about."""
        return f"{self.base_url}{JOBS_PATH}/{id_}"

    def batch(self, id_: str) -> dict[str, str]:
        """Return where the batch can be asked about, followed and downloaded."""
        status = f"{self.base_url}{BATCHES_PATH}/{id_}"
        return {"status": status, "events": f"{status}/events", "zip": f"{status}/zip"}


def optimized(stored: Stored, *, cached: bool, links: Links) -> dict[str, Any]:
    """Return the nine published fields (OG-23), and ours."""
    saved_size = stored.original_size - stored.size
    answer = {
        "optimized_url": links.file(stored),
        "original_size": stored.original_size,
        "optimized_size": stored.size,
        "saved_bytes": saved_size,
        "percent": percent(saved_size, stored.original_size),
        "format": stored.format,
        "width": stored.width,
        "height": stored.height,
        "cached": cached,
        "how": stored.how,
        "expires_at": words.moment(stored.expires_at) if stored.expires_at else None,
    }
    return answer if stored.score is None else answer | {"score": round(stored.score, 2)}


def percent(part: int, whole: int) -> float:
    """Return *part* in percent of *whole*, with two decimals (OG-27)."""
    return round(100 * part / whole, 2)


def queued(job: Job, *, links: Links) -> dict[str, Any]:
    """Return what is said of a job that was just accepted (OG-74)."""
    return {"job_id": job.id, "status": job.state, "status_url": links.job(job.id)}


def job(report: Report, *, links: Links) -> dict[str, Any]:
    """Return what is said of a job (OG-75)."""
    job, now = report.job, clock.now()
    state = report.state(now)
    return {
        "job_id": job.id,
        "status": state,
        "created_at": words.moment(job.created_at),
        "started_at": _moment(job.started_at),
        "finished_at": _moment(job.finished_at),
        "progress": PROGRESS[state],
        "result": _result(report, now, links=links),
        "error": _error(report, state),
    }


def item(report: Report, *, links: Links) -> dict[str, Any]:
    """Return what is said of a job as a part of its batch (OG-68)."""
    job, now = report.job, clock.now()
    state = report.state(now)
    nothing = {**dict.fromkeys(RESULT), "original_size": job.source_size}
    source = {"url": job.source_url} if job.source_url is not None else {}
    return {
        "item_id": job.id,
        "filename": job.filename,
        **source,
        "status": state,
        **(_result(report, now, links=links) or nothing),
        "error": _error(report, state),
    }


def batch(progress: Progress, *, links: Links) -> dict[str, Any]:
    """Return what is said of a batch without its items (OG-67)."""
    batch = progress.batch
    return {
        "batch_id": batch.id,
        "client_batch_id": batch.name,
        **counts(progress),
        "created_at": words.moment(batch.created_at),
        "completed_at": _moment(batch.completed_at),
        "links": links.batch(batch.id),
    }


def counts(progress: Progress) -> dict[str, Any]:
    """Return how far a batch is."""
    return {
        "status": progress.status,
        "total": progress.total,
        "queued": progress.queued,
        "processing": progress.processing,
        "completed": progress.completed,
        "failed": progress.failed,
        "rejected": progress.rejected,
    }


def _result(report: Report, now: datetime, *, links: Links) -> dict[str, Any] | None:
    """Return what there is of a result: of one that is gone, the numbers stay for a while."""
    if not report.results or report.results[0].stored is None:
        return None
    told = report.results[0]
    assert told.stored is not None
    answer = optimized(told.stored, cached=told.cached, links=links)
    return answer | {"optimized_url": None} if told.stored.expired(now) else answer


def _error(report: Report, state: State) -> dict[str, str] | None:
    """Return why there is no result, or no longer one."""
    if report.failure:
        code, sentence = words.failure(report.failure)
    elif state == "expired":
        code, sentence = words.said(errors.ResultGone())
    else:
        return None
    return {"code": code, "message": sentence}


def _moment(at: datetime | None) -> str | None:
    return words.moment(at) if at else None
