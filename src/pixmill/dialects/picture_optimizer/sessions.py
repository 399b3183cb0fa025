"""Picture Optimizer's operations on sessions: parse, call, write."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from pixmill import errors
from pixmill.dialects.picture_optimizer import answers, bodies, texts
from pixmill.dialects.picture_optimizer.intake import Intake, nothing
from pixmill.dialects.picture_optimizer.places import Links, session_id
from pixmill.http import fields
from pixmill.http.dialect import Call
from pixmill.services.sessions.types import Content, Picture, load_texts

#: Sessions of a page, and at most.
PAGE, MOST = 100, 1_000

#: More than any account has.
_LAST = 10**9


async def create_session(call: Call) -> Response:
    """Begin a session with the images that come along (PO-19)."""
    intake = Intake(call=call)
    await intake.read()
    if not intake.uploads:
        return JSONResponse(nothing(intake.rejected), 400)
    content = await call.services.sessions.create(
        account_id=call.caller.account.id, uploads=intake.uploads
    )
    return _uploaded(call, content, intake)


async def upload_session(call: Call) -> Response:
    """Do the same under its other path (PO-20, PO-21)."""
    return await create_session(call)


async def add_images(call: Call) -> Response:
    """Add images to a session (PO-34)."""
    own = session_id(call.request.path_params["id"])
    await find(call, own)  # before the body is read
    intake = Intake(call=call)
    await intake.read()
    if not intake.uploads:
        return JSONResponse(nothing(intake.rejected), 400)
    content = await call.services.sessions.add(
        id_=own, account_id=call.caller.account.id, uploads=intake.uploads
    )
    return _uploaded(call, content, intake)


async def sessions(call: Call) -> Response:
    """List the account's sessions, the newest first."""
    query = call.request.query_params
    found = await call.services.sessions.all(
        account_id=call.caller.account.id,
        limit=_number(query, "limit", 1, MOST) or PAGE,
        start=_number(query, "offset", 0, _LAST) or 0,
    )
    life = call.services.sessions.life
    return JSONResponse(
        {
            "sessions": [
                {**answers.session(each, life=life), "imageCount": each.pictures} for each in found
            ]
        }
    )


async def session(call: Call) -> Response:
    """Tell all that is in a session."""
    content = await find(call, session_id(call.request.path_params["id"]))
    life = call.services.sessions.life
    return JSONResponse(answers.state(content, life=life, links=Links.of(call)))


async def delete_session(call: Call) -> Response:
    """Remove a session and all its files."""
    await call.services.sessions.delete(
        id_=session_id(call.request.path_params["id"]), account_id=call.caller.account.id
    )
    return Response(status_code=204)


async def analysis(call: Call) -> Response:
    """Tell what is known of the images of a session (PO-54)."""
    content = await find(call, session_id(call.request.path_params["id"]))
    return JSONResponse(
        {
            "sessionId": content.session.id,
            "images": [answers.analysis(picture) for picture in content.pictures],
        }
    )


async def analysis_results(call: Call) -> Response:
    """Do the same under its other path (PO-54)."""
    return await analysis(call)


async def edit_metadata(call: Call) -> Response:
    """Let somebody correct what is said of an image; that is free (PO-48)."""
    given = await bodies.read(call)
    content = await find(call, session_id(call.request.path_params["id"]))
    known = _picture(content, call.request.path_params["image_id"])
    # Whoever sends back what was told sends the six fields in "metadata".
    said = given.get("metadata", given)
    picture = await call.services.sessions.edit(
        id_=content.session.id,
        account_id=call.caller.account.id,
        picture_id=known.id,
        texts=texts.merged(said, load_texts(known.words)),
    )
    return JSONResponse(answers.analysis(picture))


async def find(call: Call, id_: str) -> Content:
    """Return a session of the caller's. Raises SessionNotFound or SessionExpired."""
    return await call.services.sessions.find(id_=id_, account_id=call.caller.account.id)


def _picture(content: Content, id_: str) -> Picture:
    for picture in content.pictures:
        if picture.id == id_:
            return picture
    raise errors.NotFound("The session has no image with this id.")


def _uploaded(call: Call, content: Content, intake: Intake) -> Response:
    answer: dict[str, Any] = {
        **answers.session(content.session, life=call.services.sessions.life),
        "images": [answers.image(picture) for picture in content.pictures],
        "rejected": intake.rejected,
    }
    return JSONResponse(answer)


def _number(query: Mapping[str, object], name: str, least: int, most: int) -> int | None:
    wrong = errors.BadOption(f'"{name}" must be a whole number from {least} to {most}.')
    try:
        value = fields.whole(query, name)
    except ValueError as error:
        raise wrong from error
    if value is not None and not least <= value <= most:
        raise wrong
    return value
