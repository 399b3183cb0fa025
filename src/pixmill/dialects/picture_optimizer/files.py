"""The files of exports: each by its name or by its link, all of them as one archive."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import PurePosixPath

from starlette.responses import Response

from pixmill import errors
from pixmill.dialects.picture_optimizer import sessions
from pixmill.dialects.picture_optimizer.places import session_id
from pixmill.http.archives import Member, archive
from pixmill.http.dialect import Call
from pixmill.http.downloads import download
from pixmill.services.results import Results, Stored


async def session_file(call: Call) -> Response:
    """Send a file to the account that it was made for (PO-81)."""
    name: str = call.request.path_params["name"]
    own = session_id(call.request.path_params["id"])
    if not name.isprintable():
        raise errors.NotFound
    account_id = call.caller.account.id
    found = await call.services.sessions.file(id_=own, account_id=account_id, name=name)
    try:
        stored = await call.services.results.find(id_=found.result_id, account_id=account_id)
    except errors.NotFound as error:  # it has expired, and is forgotten
        raise errors.ResultGone from error
    return await download(call.request, stored, call.services.results)


async def linked_file(call: Call) -> Response:
    """Send a file to whoever has the link."""
    at = call.request.path_params
    stored = await call.services.results.linked(id_=at["id"], token=at["signature"])
    return await download(call.request, stored, call.services.results, show="inline")


async def session_zip(call: Call) -> Response:
    """Send all files of a session (PO-73, PO-81). Raises NotFound, or ResultGone for any of it."""
    content = await sessions.find(call, session_id(call.request.path_params["id"]))
    if not content.files:
        raise errors.NotFound("The session has no exported files yet.")
    results = call.services.results
    ids = [file.result_id for file in content.files]
    found = await results.all(ids=ids, account_id=call.caller.account.id)
    if len(found) < len(ids) or await results.missing(list(found.values())):
        raise errors.ResultGone("Some files of the session have expired; export them again.")
    named = [(file.name, found[file.result_id]) for file in content.files]
    return archive(_members(named, results), filename=content.session.id)


async def _members(named: Sequence[tuple[str, Stored]], results: Results) -> AsyncIterator[Member]:
    for name, stored in named:
        yield Member(
            filename=name,
            extension=PurePosixPath(name).suffix,
            size=stored.size,
            modified_at=stored.created_at,
            open=partial(results.open, stored),
        )
