"""What requests about a session say: which images, and what is said of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from pixmill import errors
from pixmill.dialects.picture_optimizer import texts
from pixmill.dialects.picture_optimizer.intake import JSON, TOO_MANY
from pixmill.dialects.picture_optimizer.places import session_id, upload_path
from pixmill.http import fields
from pixmill.http.dialect import Call
from pixmill.services.sessions.runs import Terms
from pixmill.services.sessions.types import MOST_AT_ONCE, Pick, Texts, load_texts
from pixmill.services.vision.text import clean

#: Bytes of a body: so many images with all that can be said of them.
BODY_SIZE = 8 * 1024 * 1024

#: Characters of an id that is somebody else's to know.
_ID_LENGTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request is about."""

    session_id: str
    picks: tuple[Pick, ...]  #: empty: all images of the session
    fields: Mapping[str, object]


async def read(call: Call) -> dict[str, object]:
    """Return the JSON object that *call* brings. Raises BadInput."""
    async with call.bodies.form(
        call.request, max_file_size=0, kinds=JSON, max_text_size=BODY_SIZE
    ) as form:
        return form.fields


async def asked(call: Call) -> Asked:
    """
    Return what *call* is about (PO-39, PO-60); the session stands in its path, its body or both.

    Raises BadInput, SessionNotFound and SessionExpired.
    """
    given = await read(call)
    in_path, in_body = call.request.path_params.get("id"), given.get("sessionId")
    if in_path is None and in_body is None:
        raise errors.BadInput('"sessionId" is missing.')
    if None not in (in_path, in_body) and in_path != in_body:
        raise errors.BadInput('"sessionId" is not that of the path.')
    own = session_id(in_path or in_body)
    listed = given.get("images")
    if listed is None:
        return Asked(session_id=own, picks=(), fields=given)
    if not isinstance(listed, list) or not listed:
        raise errors.BadOption('"images" must be a list of images, at least one.')
    if len(listed) > MOST_AT_ONCE:
        raise errors.TooManyFiles(TOO_MANY)
    known: Mapping[str, Texts | None] = {}
    if any(isinstance(each, dict) and each.get("metadata") is not None for each in listed):
        content = await call.services.sessions.find(id_=own, account_id=call.caller.account.id)
        known = {picture.id: load_texts(picture.words) for picture in content.pictures}
    return Asked(
        session_id=own, picks=tuple(pick(each, own, known) for each in listed), fields=given
    )


def pick(given: object, session_id: str, known: Mapping[str, Texts | None]) -> Pick:
    """
    Return the image that *given* means; *known* is what is said of those of the session.

    Raises BadOption, also when ``uploadPath`` is not that of the image (PO-30).
    """
    entry = given if isinstance(given, dict) else {"id": given}
    id_ = fields.text(entry, "id") or fields.text(entry, "imageId")
    if id_ is None:
        raise errors.BadOption('Each of "images" must have an "id".')
    path = entry.get("uploadPath")
    if path is not None and path != upload_path(session_id, id_):
        raise errors.BadOption('"uploadPath" is not that of the image with this "id".')
    said = entry.get("metadata")
    texts_ = None if said is None else texts.merged(said, known.get(id_))
    return Pick(picture_id=id_, texts=texts_)


def terms(call: Call, given: Mapping[str, object], *, base_url: str) -> Terms:
    """Return how a run is paid for, and who is told (PO-99, PO-105). Raises BadUrl, BadOption."""
    webhook_url = fields.text(given, "webhookUrl")
    if webhook_url is not None:
        call.services.webhooks.check(webhook_url)
    deduction_id = fields.text(given, "deductionId")
    if deduction_id is not None:
        deduction_id = clean(deduction_id)[:_ID_LENGTH]
    return Terms(base_url=base_url, webhook_url=webhook_url, deduction_id=deduction_id)
