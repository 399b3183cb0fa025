"""Many results as one file."""

from collections.abc import AsyncIterator, Sequence
from functools import partial

from starlette.responses import Response

from pixmill import errors
from pixmill.http import fields
from pixmill.http.archives import Member
from pixmill.http.archives import archive as written
from pixmill.http.bodies import Kind
from pixmill.services.results import Results, Stored
from pixmill.web import csrf, faults
from pixmill.web.page import Visit

#: Results in one archive.
MOST = 2_000
#: The form that names them, and its bytes.
_FORM: tuple[Kind, ...] = ("urlencoded",)
_FORM_SIZE = 128 * MOST


async def archive(visit: Visit) -> Response:
    """Send the results that are named, each with its token; a script hears whether it will work."""
    async with visit.bodies.form(
        visit.request, max_file_size=0, kinds=_FORM, max_text_size=_FORM_SIZE
    ) as form:
        given = form.fields
    if visit.visitor:
        csrf.check(visit.request, given, expected=visit.csrf)
    elif not visit.site.public_page:
        raise errors.Refused("Sign in to download pictures.")
    tokens = _tokens(fields.text(given, "results") or "")
    try:
        stored = await visit.services.results.all_linked(tokens=tokens)
    except (errors.NotFound, errors.ResultsGone) as error:
        raise errors.ResultGone(
            "Some of these pictures are gone by now. Have them made once more.", detail=error.code
        ) from error
    if faults.wants_json(visit.request):
        return Response(status_code=204)
    return written(_members(stored, visit.services.results), filename="pixmill")


def _tokens(results: str) -> dict[str, str]:
    """Return the ids that are named, each with its token. Raises BadInput or TooManyFiles."""
    pairs = [each.partition(".") for each in results.split()]
    if not pairs:
        raise errors.BadInput("There is nothing to download yet.")
    if len(pairs) > MOST:
        raise errors.TooManyFiles(f"One archive holds {MOST:,} pictures at most.")
    return {id_: token for id_, _, token in pairs}


async def _members(stored: Sequence[Stored], results: Results) -> AsyncIterator[Member]:
    for each in stored:
        yield Member(
            filename=each.filename,
            extension=f".{each.extension.removeprefix('.')}",
            size=each.size,
            modified_at=each.created_at,
            open=partial(results.open, each),
        )
