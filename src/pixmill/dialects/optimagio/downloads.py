"""Optimagio's batches as one file: everything that is completed by now (OG-51, OG-70, OG-71)."""

from starlette.responses import Response

from pixmill.dialects.optimagio import batches
from pixmill.http.batch_files import batch_archive
from pixmill.http.dialect import Call


async def batch_zip(call: Call) -> Response:
    """Send all results of a batch, if all of them can be had."""
    return await batch_archive(call.services, await batches.find(call))


async def batch_download(call: Call) -> Response:
    """Send the same under its other name."""
    return await batch_zip(call)
