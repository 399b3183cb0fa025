"""How OctoSqueeze tells of the images of a batch, whatever became of each."""

from collections.abc import Mapping
from typing import Any

from pixmill import errors
from pixmill.dialects.octosqueeze import answers, words
from pixmill.dialects.octosqueeze.answers import Links
from pixmill.dialects.octosqueeze.options import LABELS, Asked
from pixmill.services.jobs.types import Report, Told
from pixmill.services.results import Stored

#: All that is told of an image in any case (OS-45, OS-46).
_NOTHING: Mapping[str, Any] = dict.fromkeys(
    (
        "id", "status", "url", *LABELS, "compressed", "original_size", "compressed_size",
        "savings_bytes", "savings_percent", "format", "width", "height", "download_url",
        "compressions", "created_at", "expires_at",
    )
) | {"compressed": False, "compressions": []}  # fmt: skip

#: Of that, what a webhook tells (OS-76).
_IN_MESSAGE = ("id", "status", *LABELS, "compressions", "error")

_GONE = errors.ResultGone()
_CANCELED = errors.Conflict("The job was canceled.")


def label(asked: Asked) -> dict[str, Any]:
    """Return what a job is to remember for `item`."""
    return {"labels": dict(asked.labels), "formats": list(asked.formats)}


def refused(echo: Mapping[str, Any], error: errors.Error) -> dict[str, Any]:
    """Return what is told of an image that is no job, because of *error* (OS-51)."""
    return {**_NOTHING, **echo, "status": "failed", "error": words.told(error)}


def item(links: Links, report: Report) -> dict[str, Any]:
    """Return what is told of an image that is a job (OS-45, OS-46, OS-51, OS-52, OS-56)."""
    job = report.job
    told = {
        **_NOTHING,
        "id": job.id,
        "status": job.state,
        "url": job.source_url,
        **report.label.get("labels", {}),
        "created_at": words.moment(job.created_at),
    }
    match job.state:
        case "queued" | "processing":
            return told
        case "completed":
            return told | _results(links, report)
    return told | {"status": "failed", "error": _reason(report)}


def image(links: Links, report: Report) -> dict[str, Any]:
    """Return what a webhook tells of an image (OS-76)."""
    told = item(links, report)
    return {name: told[name] for name in _IN_MESSAGE if name in told}


def _results(links: Links, report: Report) -> dict[str, Any]:
    main = report.results[0].stored
    if main is None:  # somebody deleted it
        return {"status": "expired"}
    # To some clients "not compressed" means "not yet" (OS-46), also of what could not be made
    # smaller.
    told = {"status": answers.standing(main), **answers.result(links, main), "compressed": True}
    told["compressions"] = [
        _compression(links, each.stored)
        for each in report.results
        if each.stored and links.to(each.stored)
    ]
    if formats := report.label.get("formats"):
        told["formats"] = {
            name: _variant(links, each) for name, each in zip(formats, report.results, strict=True)
        }
    return told


def _compression(links: Links, stored: Stored) -> dict[str, Any]:
    return {
        "id": stored.id,
        "format": stored.format,
        "link": links.to(stored),
        "size": stored.size,
    }


def _variant(links: Links, told: Told) -> dict[str, Any]:
    if told.stored:
        return answers.variant(links, told.stored)
    return {"error": words.failed(told.failure) if told.failure else words.told(_GONE)}


def _reason(report: Report) -> dict[str, str]:
    return words.failed(report.failure) if report.failure else words.told(_CANCELED)
