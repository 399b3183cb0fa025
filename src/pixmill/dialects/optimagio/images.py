"""The one image of a request: sent along, or named by a URL."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from pixmill import errors
from pixmill.http import fields
from pixmill.http.bodies import Kind
from pixmill.http.dialect import Call
from pixmill.http.intake import fetched
from pixmill.http.multipart import Form, Upload

#: How a request may be written, and what its file may be called (OG-15, OG-30).
KINDS: tuple[Kind, ...] = ("multipart", "urlencoded", "json")
FILE_FIELDS = ("image", "file")


def form(call: Call) -> AbstractAsyncContextManager[Form]:
    """Give what *call* brings."""
    return call.bodies.form(
        call.request,
        max_file_size=call.caller.plan.max_file_size,  # OG-89
        file_fields=FILE_FIELDS,
        kinds=KINDS,
    )


def source(form: Form) -> Upload | str:
    """Return the file or the URL that is meant (OG-31 to OG-33). Raises MissingFile."""
    url = fields.text(form.fields, "url")
    by_file = fields.truth(form.fields, "accept_file", default=False)
    if url and not by_file:
        return url
    if form.file:
        return form.file
    if by_file:
        raise errors.MissingFile
    raise errors.MissingInput('Send a file in the field "image", or a "url".')


@asynccontextmanager
async def opened(call: Call, form: Form) -> AsyncIterator[Upload]:
    """Give the image that *form* brings or names."""
    found = source(form)
    if isinstance(found, Upload):
        yield found
        return
    async with fetched(call, found, max_size=call.caller.plan.max_file_size) as upload:
        yield upload
