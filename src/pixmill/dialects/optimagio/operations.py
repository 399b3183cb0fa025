"""Optimagio's operations, and what the OpenAPI document says of them."""

from pixmill import errors
from pixmill.dialects.optimagio import (
    answers,
    batches,
    chunks,
    downloads,
    following,
    handlers,
    images,
    jobs,
    reference,
    schemas,
)
from pixmill.http.dialect import Operation

#: What may be wrong with what is asked for, and with an image.
_WISHES = (
    errors.BadUrl,
    errors.UnknownFormat,
    errors.UnknownLevel,
    errors.BadQuality,
    errors.BadDimensions,
    errors.BadOption,
)
_IMAGE = (errors.MissingFile, errors.MissingInput, errors.UnreadableImage)
_IDEMPOTENCY = (
    errors.BadIdempotencyKey,
    errors.IdempotencyInProgress,
    errors.IdempotencyConflict,
)
_BATCH = f"{answers.BATCHES_PATH}/{{id}}"
_JOB = f"{answers.JOBS_PATH}/{{id}}"

_IMAGES = (
    Operation(
        method="POST",
        path="/api/optimize",
        handler=handlers.optimize,
        summary="Optimize an image, by file or by URL",
        description="Compresses, converts and resizes. The result can be had at `optimized_url` "
        "for a day. In the same format and size it never has more bytes than the upload. Work that "
        "was done before is not charged again. With `async` it is done later.",
        spends=True,
        free_repeats=True,  # OG-25
        form=reference.FIELDS,
        kinds=images.KINDS,
        header_parameters=reference.IDEMPOTENCY,
        success=schemas.OPTIMIZED,
        accepted=schemas.QUEUED,
        faults=(
            *_IMAGE,
            *_WISHES,
            *_IDEMPOTENCY,
            errors.FetchFailed,
            errors.DoesNotFit,
            errors.TooCostly,
            errors.StorageFull,
        ),
    ),
    Operation(
        method="GET",
        path=answers.FILE_PATH,
        handler=handlers.file,
        summary="Download a result",
        description="The `signature` in the query of an `optimized_url` is all that is needed.",
        authority="link",
        path_parameters={
            "id": {"type": "string", "format": "uuid"},
            "name": {"type": "string", "description": "Any name."},
        },
        query_parameters={"signature": {"type": "string"}},
        required=("signature",),
        success=schemas.FILE,
        faults=(errors.NotFound, errors.ResultGone, errors.RateLimited),
    ),
)

_JOBS = (
    Operation(
        method="POST",
        path=answers.JOBS_PATH,
        handler=jobs.submit_job,
        summary="Optimize an image later",
        description="Takes what `/api/optimize` does, and answers at once.",
        spends=True,
        free_repeats=True,  # so that the quota does not keep an answer from being replayed
        form=reference.JOB_FIELDS,
        kinds=images.KINDS,
        header_parameters=reference.IDEMPOTENCY,
        accepted=schemas.QUEUED,
        faults=(*_IMAGE, *_WISHES, *_IDEMPOTENCY, errors.StorageFull),
    ),
    Operation(
        method="GET",
        path=_JOB,
        handler=jobs.job,
        summary="Ask about a job",
        description="How it stands and, once it is over, what came of it.",
        reads=True,
        path_parameters=reference.JOB_ID,
        success=schemas.JOB,
        faults=(errors.JobNotFound,),
    ),
    Operation(
        method="DELETE",
        path=_JOB,
        handler=jobs.cancel_job,
        summary="Cancel a job",
        description="Possible while it is queued; nothing is charged for it.",
        reads=True,
        path_parameters=reference.JOB_ID,
        success=schemas.JOB,
        faults=(errors.JobNotFound, errors.Conflict),
    ),
)

_BATCHES = (
    Operation(
        method="POST",
        path=answers.BATCHES_PATH,
        handler=chunks.add_to_batch,
        summary="Add a chunk of files to a batch",
        description="Up to 50 files, or URLs, with one set of options. The first chunk with a "
        "`client_batch_id` begins the batch. Files that cannot be taken do not keep the others "
        "from being taken.",
        spends=True,
        free_repeats=True,  # as above
        form=reference.CHUNK_FIELDS,
        kinds=images.KINDS,
        header_parameters=reference.IDEMPOTENCY,
        required=("client_batch_id", "Idempotency-Key"),
        accepted=schemas.CHUNK,
        faults=(
            *_WISHES,
            *_IDEMPOTENCY,
            errors.MissingBatchName,
            errors.MissingIdempotencyKey,
            errors.MissingInput,
            errors.TooManyFiles,
            errors.BatchFull,
            errors.BatchClosed,
            errors.StorageFull,
        ),
    ),
    Operation(
        method="GET",
        path=_BATCH,
        handler=batches.batch,
        summary="Ask about a batch",
        description="How far it is, and what came of its items, in their order.",
        reads=True,
        path_parameters=reference.BATCH_ID,
        query_parameters=reference.PAGES,
        success=schemas.BATCH,
        faults=(errors.BatchNotFound, errors.BadOption),
    ),
    Operation(
        method="POST",
        path=f"{_BATCH}/complete",
        handler=batches.close_batch,
        summary="Close a batch",
        description="Nothing is added to it any more; it is complete when its items are over. "
        "Without that, it is when nothing was added for 15 minutes.",
        reads=True,
        path_parameters=reference.BATCH_ID,
        success=schemas.CLOSED,
        faults=(errors.BatchNotFound,),
    ),
    Operation(
        method="GET",
        path=f"{_BATCH}/events",
        handler=following.batch_events,
        summary="Follow a batch",
        description="Tells what happens to the batch, from its beginning on, until it is complete.",
        reads=True,
        path_parameters=reference.BATCH_ID,
        header_parameters=reference.RESUME,
        success=schemas.EVENTS,
        faults=(errors.BatchNotFound,),
    ),
    *(
        Operation(
            method="GET",
            path=f"{_BATCH}/{name}",
            handler=handler,
            summary="Download a batch",
            description="All that is completed by now, under the names of the uploads.",
            reads=True,
            path_parameters=reference.BATCH_ID,
            success=schemas.ARCHIVE,
            faults=(errors.BatchNotFound, errors.BatchNotReady, errors.ResultsGone),
        )
        for name, handler in (("zip", downloads.batch_zip), ("download", downloads.batch_download))
    ),
)

OPERATIONS = (*_IMAGES, *_JOBS, *_BATCHES)
