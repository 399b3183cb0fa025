"""Picture Optimizer's operations, and what the OpenAPI document says of them."""

from dataclasses import replace

from pixmill import errors
from pixmill.dialects.picture_optimizer import (
    balance,
    files,
    places,
    reference,
    runs,
    samples,
    schemas,
    sessions,
)
from pixmill.http.dialect import Operation

_SESSION = (errors.SessionNotFound, errors.SessionExpired)
_UPLOAD = (errors.MissingInput, errors.TooManyFiles, errors.BadOption, errors.StorageFull)
_RUN = (
    *_SESSION,
    errors.InsufficientCredits,
    errors.BadInput,
    errors.BadOption,
    errors.BadUrl,
    errors.ImageNotFound,
    errors.TooManyFiles,
    errors.DeductionNotFound,
    errors.DeductionUsed,
)

_SESSIONS = (
    *(
        Operation(
            method="POST",
            path=path,
            handler=handler,
            summary="Create a session with images",
            description="Up to 100 images, as files or by URL; that is free. Files that are no "
            "images are told of in `rejected`, and the others proceed. A session that nobody "
            "uses for 24 hours is deleted with everything in it.",
            spends=True,
            free_repeats=True,  # uploading costs nothing (PO-28)
            form=reference.UPLOAD,
            kinds=("multipart", "json"),
            success=schemas.UPLOADED,
            faults=_UPLOAD,
        )
        for path, handler in (
            (places.SESSIONS, sessions.create_session),
            (f"{places.SESSIONS}/upload", sessions.upload_session),
        )
    ),
    Operation(
        method="GET",
        path=places.SESSIONS,
        handler=sessions.sessions,
        summary="List sessions",
        description="Those of the account that have not expired, the newest first.",
        reads=True,
        query_parameters=reference.PAGES,
        success=schemas.SESSIONS,
        faults=(errors.BadOption,),
    ),
    Operation(
        method="GET",
        path=places.SESSION,
        handler=sessions.session,
        summary="Ask about a session",
        description="Its images, what is known of them, and the files that were exported.",
        reads=True,
        path_parameters=reference.ID,
        success=schemas.SESSION,
        faults=_SESSION,
    ),
    Operation(
        method="DELETE",
        path=places.SESSION,
        handler=sessions.delete_session,
        summary="Delete a session",
        description="With all its files. What still runs is given up, and its credits come back.",
        reads=True,
        path_parameters=reference.ID,
        success=schemas.GONE,
        faults=_SESSION,
    ),
    Operation(
        method="POST",
        path=f"{places.SESSION}/upload",
        handler=sessions.add_images,
        summary="Add images to a session",
        description="As when it was created; the answer has the new images alone.",
        spends=True,
        free_repeats=True,  # as above
        path_parameters=reference.ID,
        form=reference.UPLOAD,
        kinds=("multipart", "json"),
        success=schemas.UPLOADED,
        faults=(*_SESSION, *_UPLOAD),
    ),
)

_ANALYSES = (
    *(
        Operation(
            method="POST",
            path=path,
            handler=handler,
            summary="Analyze images",
            description="A vision model finds title, alternative text, caption, description, file "
            "name and tags; told as server-sent events while it happens. One credit for each "
            "image, taken at the start; that of an image that fails comes back. The run goes on "
            "when the connection is lost.",
            spends=True,
            free_repeats=True,  # credits are what is checked, with the order itself
            path_parameters=reference.ID if "{id}" in path else {},
            form=reference.ANALYZE,
            kinds=("json",),
            success=schemas.EVENTS,
            faults=_RUN,
        )
        for path, handler in (
            ("/v1/analyze", runs.analyze),
            (f"{places.SESSION}/analyze", runs.analyze_session),
        )
    ),
    Operation(
        method="POST",
        path=f"{places.SESSION}/analyze-single",
        handler=runs.analyze_single,
        summary="Analyze one image",
        description="The same for one image, answered when it is done.",
        spends=True,
        free_repeats=True,  # as above
        path_parameters=reference.ID,
        form=reference.SINGLE,
        kinds=("json",),
        success=schemas.RESULT,
        faults=(
            *_RUN,
            errors.UnreadableImage,
            errors.UnsupportedFormat,
            errors.VisionUnavailable,
            errors.VisionFailed,
        ),
    ),
    *(
        Operation(
            method="GET",
            path=f"{places.SESSION}/{name}",
            handler=handler,
            summary="Review what was found",
            description="For each image of the session, analyzed or not.",
            reads=True,
            path_parameters=reference.ID,
            success=schemas.ANALYSIS,
            faults=_SESSION,
        )
        for name, handler in (
            ("analysis", sessions.analysis),
            ("results", sessions.analysis_results),
        )
    ),
    Operation(
        method="PATCH",
        path=f"{places.SESSION}/images/{{image_id}}/metadata",
        handler=sessions.edit_metadata,
        summary="Correct what was found",
        description="Any of the six fields; the others stay. That is free.",
        reads=True,
        path_parameters=reference.PICTURE,
        form=reference.EDIT,
        kinds=("json",),
        success=schemas.EDITED,
        faults=(*_SESSION, errors.NotFound, errors.BadInput, errors.BadOption),
    ),
    Operation(
        method="GET",
        path=f"{places.SESSION}/events",
        handler=runs.session_events,
        summary="Follow a session",
        description="Tells what has happened in all its runs, and goes on until nothing runs.",
        reads=True,
        path_parameters=reference.ID,
        query_parameters=reference.FOLLOW,
        header_parameters=reference.RESUME,
        success=schemas.EVENTS,
        faults=(*_SESSION, errors.NotFound),
    ),
)

_EXPORTS = (
    *(
        Operation(
            method="POST",
            path=path,
            handler=handler,
            summary="Export images",
            description="Makes files of the images, with what is said of them inside; told as "
            "server-sent events. One credit for each image, however many variants it has.",
            spends=True,
            free_repeats=True,  # as above
            path_parameters=reference.ID if "{id}" in path else {},
            form=reference.EXPORT,
            kinds=("json",),
            required=("settings",),
            success=schemas.EVENTS,
            faults=_RUN,
        )
        for path, handler in (
            ("/v1/export", runs.export),
            (f"{places.SESSION}/export", runs.export_session),
        )
    ),
    Operation(
        method="POST",
        path=f"{places.SESSION}/sample",
        handler=samples.sample,
        summary="Try an export",
        description="Tells the sizes that up to 5 images would have, with small previews; free.",
        spends=True,
        free_repeats=True,
        path_parameters=reference.ID,
        form=reference.SAMPLE,
        kinds=("json",),
        success=schemas.SAMPLES,
        faults=(*_SESSION, errors.BadInput, errors.BadOption, errors.ImageNotFound),
    ),
    Operation(
        method="GET",
        path=f"{places.SESSION}/download",
        handler=files.session_zip,
        summary="Download all files",
        description="Everything that the session's exports have made, as a ZIP.",
        reads=True,
        path_parameters=reference.ID,
        success=schemas.ARCHIVE,
        faults=(*_SESSION, errors.NotFound, errors.ResultGone),
    ),
    Operation(
        method="GET",
        path=f"{places.SESSION}/files/{{name}}",
        handler=files.session_file,
        summary="Download a file",
        description="With a key of the account; `url` of a variant needs none.",
        reads=True,
        path_parameters=reference.FILE,
        success=schemas.FILE,
        faults=(*_SESSION, errors.NotFound, errors.ResultGone),
    ),
    Operation(
        method="GET",
        path=places.LINK,
        handler=files.linked_file,
        summary="Download a file by its link",
        description="The `url` of a variant or of a preview. Needs no key.",
        authority="link",
        path_parameters=reference.LINK,
        success=schemas.FILE,
        faults=(errors.NotFound, errors.ResultGone),
    ),
)

_CREDITS = (
    Operation(
        method="GET",
        path="/v1/credits/balance",
        handler=balance.credits_balance,
        summary="Credits that are left",
        description="Of the account, whichever of its keys asks.",
        success=schemas.BALANCE,
    ),
    Operation(
        method="POST",
        path="/v1/credits/check",
        handler=balance.credits_check,
        summary="Check what images would cost",
        description="And deduct it, if `deduct` is true: the `deductionId` then pays for one run.",
        form=reference.CHECK,
        kinds=("json",),
        required=("action", "imageCount"),
        success=schemas.CHECKED,
        faults=(errors.InsufficientCredits, errors.BadInput, errors.BadOption),
    ),
    Operation(
        method="GET",
        path="/v1/constants",
        handler=balance.constants,
        summary="Presets, prices and limits",
        description="What clients need to know before an export.",
        success=schemas.CONSTANTS,
    ),
)

_ONCE = (*_SESSIONS, *_ANALYSES, *_EXPORTS, *_CREDITS)

#: Everything twice: a gateway is in front of the published server (PO-2).
OPERATIONS = (
    *_ONCE,
    *(replace(each, path=f"{places.PREFIX}{each.path}", alias=True) for each in _ONCE),
)
