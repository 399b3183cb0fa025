"""Batches and single jobs: how far they are, what became of each file, and what to do about it."""

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import Response

from pixmill import clock, errors
from pixmill.http.batch_files import batch_archive
from pixmill.http.downloads import confined, download
from pixmill.services.jobs.types import Failure, Report, Told
from pixmill.web import forms
from pixmill.web.page import Page, Visit

_BATCHES = "/dashboard/batches"
_BATCH = f"{_BATCHES}/{{id}}"
_JOBS = f"{_BATCHES}/jobs"

#: Batches, jobs or files of one page.
PAGE = 50

#: How a job stands, and how that is colored.
_STATES = {
    "queued": ("Waiting", ""),
    "processing": ("Working", "busy"),
    "completed": ("Done", "good"),
    "failed": ("Failed", "bad"),
    "cancelled": ("Canceled", ""),
    "expired": ("Given up", "bad"),
}
_DELETED = ("Result deleted", "")

_STATUSES = {
    "open": ("Open for more", "busy"),
    "processing": ("Working", "busy"),
    "completed": ("Done", "good"),
    "completed_with_errors": ("Done, some failed", "bad"),
    "expired": ("Results deleted", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One file, as it is shown."""

    report: Report
    state: tuple[str, str]
    links: tuple[Told, ...]  #: results that can be had
    after: int | None  #: bytes of the first result
    reasons: tuple[Failure, ...]
    again: bool  #: it can be tried again
    waiting: bool  #: it can be canceled


async def batches(visit: Visit) -> Response:
    """Show the account's batches."""
    page = forms.page_number(visit)
    found = await visit.services.batches.all(
        account_id=visit.account_id, start=(page - 1) * PAGE, limit=PAGE + 1
    )
    shown = found[:PAGE]
    return visit.render(
        "batches/list_part.html" if visit.partial else "batches/list.html",
        shown=shown,
        statuses=_STATUSES,
        working=any(not progress.over for progress in shown),
        page=page,
        more=len(found) > PAGE,
        here=f"{_BATCHES}?page={page}",
    )


async def single_jobs(visit: Visit) -> Response:
    """Show the account's jobs that are in no batch."""
    page = forms.page_number(visit)
    found = await visit.services.jobs.single(
        account_id=visit.account_id, start=(page - 1) * PAGE, limit=PAGE + 1
    )
    rows = [_row(visit, report) for report in found[:PAGE]]
    return visit.render(
        "batches/jobs_part.html" if visit.partial else "batches/jobs.html",
        rows=rows,
        working=any(row.report.job.state in {"queued", "processing"} for row in rows),
        page=page,
        more=len(found) > PAGE,
        here=f"{_JOBS}?page={page}",
    )


async def batch(visit: Visit) -> Response:
    """Show one batch and what became of its files; those that failed come first."""
    page = forms.page_number(visit)
    failed = visit.query.get("show") == "failed"
    progress, found = await visit.services.batches.watched(
        id_=forms.id_of(visit),
        account_id=visit.account_id,
        start=(page - 1) * PAGE,
        limit=PAGE + 1,
        failed=failed,
    )
    rows = [_row(visit, report) for report in found[:PAGE]]
    path = _BATCH.format(id=progress.batch.id)
    asked = {"show": "failed"} if failed else {}
    return visit.render(
        "batches/batch_part.html" if visit.partial else "batches/batch.html",
        progress=progress,
        standing=_STATUSES[progress.status],
        rows=rows,
        retries=sorted({row.report.job.retry_id for row in rows if row.report.job.retry_id}),
        again=progress.status != "processing" and any(row.again for row in rows),
        failed=failed,
        page=page,
        more=len(found) > PAGE,
        path=path,
        listed=f"{path}?{urlencode(asked)}{'&' if asked else ''}",
        here=f"{path}?{urlencode({**asked, 'page': page})}",
    )


async def retry_batch(visit: Visit) -> Response:
    """Have what failed of a batch done once more."""
    retried = await visit.services.retries.batch(caller=await visit.spend(), id_=forms.id_of(visit))
    told = _tried(retried.jobs)
    if retried.more:
        told += " More have failed: go back to the batch before this one, and try again."
    if retried.gone:
        told += f" The uploads of {retried.gone} others are deleted by now: send them again."
    return visit.redirect(_BATCH.format(id=retried.id), told=told)


async def cancel_batch(visit: Visit) -> Response:
    """Cancel what is not over of a batch."""
    id_ = forms.id_of(visit)
    canceled = await visit.services.batches.cancel(id_=id_, account_id=visit.account_id)
    progress = await visit.services.batches.find(name=id_, account_id=visit.account_id)
    files = "1 file" if canceled == 1 else f"{canceled:,} files"
    told = f"Canceled: {files}. None of them is charged."
    if left := progress.queued + progress.processing:
        told += f" {left:,} more are not over yet: cancel again."
    return visit.redirect(_BATCH.format(id=id_), told=told)


async def batch_zip(visit: Visit) -> Response:
    """Send all results of a batch as one file."""
    progress = await visit.services.batches.find(
        name=forms.id_of(visit), account_id=visit.account_id
    )
    try:
        return await batch_archive(visit.services, progress)
    except (errors.BatchNotReady, errors.ResultsGone) as error:
        return visit.redirect(_BATCH.format(id=progress.batch.id), fault=str(error))


async def retry_job(visit: Visit) -> Response:
    """Have a single job that failed done once more."""
    await visit.services.retries.job(caller=await visit.spend(), id_=forms.id_of(visit))
    return visit.redirect(_JOBS, told="The file is tried again.")


async def cancel_job(visit: Visit) -> Response:
    """Cancel a single job that nobody works on yet."""
    await visit.services.jobs.cancel(id_=forms.id_of(visit), account_id=visit.account_id)
    return visit.redirect(_JOBS, told="The job is canceled, and not charged.")


async def result(visit: Visit) -> Response:
    """Send one result to the account that it was made for."""
    stored = await visit.services.results.find(id_=forms.id_of(visit), account_id=visit.account_id)
    response = await download(visit.request, stored, visit.services.results)
    return confined(response, ask_again=True)


def _tried(count: int) -> str:
    if not count:
        return "These files are tried again already."
    return "1 file is tried again." if count == 1 else f"{count:,} files are tried again."


def _row(visit: Visit, report: Report) -> _Row:
    now = clock.now()
    job = report.job
    told = [each for each in report.results if each.stored and not each.stored.expired(now)]
    first = report.results[0].stored if report.results else None
    gone = job.state == "completed" and report.state(now) == "expired"
    reasons = [report.failure] if report.failure else []
    reasons += [each.failure for each in report.results if each.failure]
    return _Row(
        report=report,
        state=_DELETED if gone else _STATES[job.state],
        links=tuple(told),
        after=first.size if first else None,
        reasons=tuple(reasons),
        again=visit.services.retries.possible(job),
        waiting=job.state == "queued",
    )


PAGES = (
    Page(path=_BATCHES, handler=batches),
    Page(path=_JOBS, handler=single_jobs),
    Page(path=_BATCH, handler=batch),
    Page(path=f"{_BATCH}/zip", handler=batch_zip),
    Page(path=f"{_BATCH}/retry", handler=retry_batch, method="POST", back=_BATCH),
    Page(path=f"{_BATCH}/cancel", handler=cancel_batch, method="POST", back=_BATCH),
    Page(path=f"{_JOBS}/{{id}}/retry", handler=retry_job, method="POST", back=_JOBS),
    Page(path=f"{_JOBS}/{{id}}/cancel", handler=cancel_job, method="POST", back=_JOBS),
    Page(path="/dashboard/results/{id}", handler=result),
)
