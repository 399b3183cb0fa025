"""Optimagio's chunks: many images that one request brings to a batch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.responses import Response

from pixmill import errors
from pixmill.dialects.optimagio import answers, jobs, options, replies, words
from pixmill.dialects.optimagio.intake import Intake, Source
from pixmill.http import fields, native, request_ids
from pixmill.http.dialect import Call
from pixmill.http.fingerprints import fingerprint
from pixmill.services.batches import Progress, Status
from pixmill.services.idempotency import Claim, Remembered
from pixmill.services.jobs.types import Accepted, InBatch, Item, Job, Order

#: Files that were refused, each with the reason.
Refused = Sequence[tuple[Source, errors.Error]]


class NothingAccepted(Exception):
    """Undoes what was done for a chunk of which nothing can be accepted."""

    def __init__(self, refused: Refused) -> None:
        super().__init__()
        self.refused = refused


async def add_to_batch(call: Call) -> Response:
    """Accept what can be accepted of a chunk, once for one ``Idempotency-Key`` (OG-43 to OG-49)."""
    async with replies.claimed(call) as begun:
        intake = Intake(call=call, claim=begun if isinstance(begun, Claim) else None)
        given = await intake.read()
        contents = fingerprint(
            method="POST", path=answers.BATCHES_PATH, fields=given, parts=intake.parts
        )
        if isinstance(begun, Remembered):
            remembered = call.services.idempotency.replay(begun, fingerprint=contents)
            return replies.send(remembered.body, headers=replies.REPLAYED)
        return await _accepted(call, begun, contents, intake=intake, given=given)


async def _accepted(
    call: Call, claim: Claim, contents: str, *, intake: Intake, given: Mapping[str, object]
) -> Response:
    name = _name(given)
    final = fields.truth(given, "final", default=False)
    webhook_url = jobs.webhook_url(call, given)
    item = _items(call, given)
    intake.add_urls(given)
    taken = [source for source in intake.sources if not source.refusal]
    refused = [(source, source.refusal) for source in intake.sources if source.refusal]
    if not intake.sources and not (final and await _find(call, name)):
        raise errors.MissingInput('Send files in the fields "files", or "urls".')
    if refused and not taken:
        return await _rejection(call, name, refused)
    writer = _Writer(call, taken, refused)
    order = Order(
        dialect=jobs.NAME,
        base_url=call.base_url,
        items=[item(source) for source in taken],
        batch=InBatch(name=name, rejected=len(refused), close=final),
        free_repeats=True,  # OG-25
        webhook_url=webhook_url,
    )
    receipt = call.services.idempotency.receipt(
        claim, fingerprint=contents, status=202, write=writer.write
    )
    try:
        await call.services.jobs.submit(caller=call.caller, order=order, receipt=receipt)
    except NothingAccepted as nothing:
        return await _rejection(call, name, nothing.refused)
    return replies.send(writer.body)


class _Writer:
    """Writes the answer to a chunk of which something was accepted (OG-63)."""

    def __init__(self, call: Call, taken: Sequence[Source], refused: Refused) -> None:
        self._links = answers.Links.of(call)
        self._status = call.services.batches.status
        self._taken = taken
        self._refused = refused
        self.body = ""  #: what was written

    def write(self, accepted: Accepted) -> str:
        """Write the answer, and return it. Raises NothingAccepted."""
        batch = accepted.batch
        assert batch
        entered: list[tuple[Source, Job]] = []
        refused = list(self._refused)
        for source, item in zip(self._taken, accepted.items, strict=True):
            if isinstance(item, Job):
                entered.append((source, item))
            else:
                refused.append((source, item))
        if refused and not entered:
            raise NothingAccepted(refused)
        self.body = replies.write(
            {
                "batch_id": batch.id,
                "client_batch_id": batch.name,
                "chunk_id": accepted.chunk_id,
                "status": self._status(batch),
                **_files(entered, refused),
                "links": self._links.batch(batch.id),
            }
        )
        return self.body


def _files(entered: Sequence[tuple[Source, Job]], refused: Refused) -> dict[str, Any]:
    return {
        "accepted": len(entered),
        "rejected": len(refused),
        "total_files": len(entered) + len(refused),
        "accepted_files": [
            {
                "item_id": job.id,
                "job_id": job.id,
                **_source(source),
                "original_size": job.source_size,
                "status": job.state,
            }
            for source, job in entered
        ],
        "rejected_files": [
            {**_source(source), **dict(zip(("code", "error"), words.said(error), strict=True))}
            for source, error in sorted(refused, key=lambda each: each[0].index)
        ],
    }


def _source(source: Source) -> dict[str, Any]:
    told = {"filename": source.filename, "index": source.index}
    return told if source.url is None else told | {"url": source.url}


async def _rejection(call: Call, name: str, refused: Refused) -> Response:
    """Return the answer to a chunk of which nothing was accepted, and nothing came (OG-64)."""
    progress = await _find(call, name)
    status: Status | None = progress.status if progress else None
    body = {
        "error": 'None of the files was accepted; "rejected_files" says why.',
        "code": "all_files_rejected",
        "details": {},
        "request_id": request_ids.current.get(),
        "batch_id": progress.batch.id if progress else None,
        "client_batch_id": name,
        "chunk_id": None,
        "status": status,
        **_files([], refused),
        "links": answers.Links.of(call).batch(progress.batch.id) if progress else None,
    }
    return replies.send(replies.write(body), status=422)


async def _find(call: Call, name: str) -> Progress | None:
    try:
        return await call.services.batches.find(name=name, account_id=call.caller.account.id)
    except errors.BatchNotFound:
        return None


def _name(given: Mapping[str, object]) -> str:
    """Return what the caller calls the batch (OG-54). Raises MissingBatchName or BadOption."""
    name = fields.text(given, "client_batch_id")
    if name is None:
        raise errors.MissingBatchName
    if not options.BATCH_NAME.fullmatch(name):
        raise errors.BadOption(
            '"client_batch_id" must have 1 to 128 letters, digits, ".", "_", ":" or "-".'
        )
    return name


def _items(call: Call, given: Mapping[str, object]) -> Callable[[Source], Item]:
    """Return what makes an item of a file, with the options of the chunk (OG-65)."""
    wanted = (native.wish(options.wanted(given), given, call.request).options,)
    committed = fields.truth(given, "storage_commit", default=False)

    def item(source: Source) -> Item:
        return Item(
            wanted=wanted,
            key=source.key,
            size=source.size,
            url=source.url,
            filename=source.filename,
            committed=committed,
        )

    return item
