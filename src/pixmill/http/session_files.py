"""The files that a session has exported: each by its name, all of them as one archive."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import PurePosixPath

from starlette.responses import Response

from pixmill import errors
from pixmill.http.archives import Member, archive
from pixmill.services.registry import Services
from pixmill.services.results import Results, Stored
from pixmill.services.sessions.types import Content


async def session_file(services: Services, *, id_: str, account_id: str, name: str) -> Stored:
    """Return a file of the account's session. Raises NotFound, ResultGone, SessionExpired."""
    if not name.isprintable():
        raise errors.NotFound
    found = await services.sessions.file(id_=id_, account_id=account_id, name=name)
    try:
        return await services.results.find(id_=found.result_id, account_id=account_id)
    except errors.NotFound as error:  # it has expired, and is forgotten
        raise errors.ResultGone from error


async def session_archive(services: Services, content: Content) -> Response:
    """Return all files of a session (PO-73). Raises NotFound, or ResultGone for any of it."""
    if not content.files:
        raise errors.NotFound("The session has no exported files yet.")
    results = services.results
    ids = [file.result_id for file in content.files]
    found = await results.all(ids=ids, account_id=content.session.account_id)
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
