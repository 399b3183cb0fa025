"""The files of exports: each by its name or by its link, all of them as one archive."""

from starlette.responses import Response

from pixmill.dialects.picture_optimizer import sessions
from pixmill.dialects.picture_optimizer.places import session_id
from pixmill.http import session_files
from pixmill.http.dialect import Call
from pixmill.http.downloads import download


async def session_file(call: Call) -> Response:
    """Send a file to the account that it was made for (PO-81)."""
    stored = await session_files.session_file(
        call.services,
        id_=session_id(call.request.path_params["id"]),
        account_id=call.caller.account.id,
        name=call.request.path_params["name"],
    )
    return await download(call.request, stored, call.services.results)


async def linked_file(call: Call) -> Response:
    """Send a file to whoever has the link."""
    at = call.request.path_params
    stored = await call.services.results.linked(id_=at["id"], token=at["signature"])
    return await download(call.request, stored, call.services.results, show="inline")


async def session_zip(call: Call) -> Response:
    """Send all files of a session (PO-73, PO-81). Raises NotFound, or ResultGone for any of it."""
    content = await sessions.find(call, session_id(call.request.path_params["id"]))
    return await session_files.session_archive(call.services, content)
