"""Sessions: pictures with their words, looked through, approved and made into files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from pixmill import errors
from pixmill.engine.types import Options
from pixmill.http import fields, session_files
from pixmill.http.downloads import confined, download
from pixmill.services.sessions.runs import Terms
from pixmill.services.sessions.types import (
    MOST_AT_ONCE,
    Pick,
    Picture,
    Recipe,
    View,
    Wanted,
    load_texts,
)
from pixmill.services.vision.types import Style
from pixmill.web import faults, forms, incoming, texts
from pixmill.web.page import Page, Visit

_SESSIONS = "/dashboard/sessions"
_SESSION = f"{_SESSIONS}/{{id}}"
_PICTURE = f"{_SESSION}/pictures/{{picture_id}}"

#: Sessions of one page, pictures of one page, and files that are listed by name.
PAGE = 50
PICTURES = 24
FILES = 100

#: What an export can make, and how it looks: a quality of the scale that all formats share.
FORMATS = (
    ("webp", "WebP"),
    ("avif", "AVIF"),
    ("jpeg", "JPEG"),
    ("png", "PNG"),
    ("original", "As it is"),
)
LOOKS = ((90, "Very high"), (82, "High"), (75, "Medium"), (60, "Low"))
DEFAULT_LOOK = 82

#: Shown for a picture that cannot be decoded.
_BROKEN = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="320" height="320">'
    '<path d="m8 8 8 8m0-8-8 8" fill="none" stroke="#888"/></svg>'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Card:
    """One picture with its words, as they are shown."""

    picture: Picture
    words: Mapping[str, str]
    error: errors.Error | None = None
    saved: bool = False


async def sessions(visit: Visit) -> Response:
    """Show the account's sessions."""
    page = forms.page_number(visit)
    found = await visit.services.sessions.all(
        account_id=visit.account_id, limit=PAGE + 1, start=(page - 1) * PAGE
    )
    return visit.render(
        "sessions/list.html",
        shown=found[:PAGE],
        life=visit.services.sessions.life,
        most=MOST_AT_ONCE,
        page=page,
        more=len(found) > PAGE,
    )


async def session(visit: Visit) -> Response:
    """Show one session."""
    id_ = forms.id_of(visit)
    if not visit.partial:  # a page that only follows what happens does not make it live on
        await visit.services.sessions.use(id_=id_, account_id=visit.account_id)
    running = await visit.services.runs.running(session_id=id_, account_id=visit.account_id)
    analyzing = any(run.kind == "analyze" for run in running)
    page = forms.page_number(visit)
    first = (page - 1) * PICTURES
    path = _SESSION.format(id=id_)
    together = analyzing or (visit.partial and visit.query.get("with") == "pictures")
    asked = {"page": page} | ({"with": "pictures"} if analyzing else {})
    view = await visit.services.sessions.look(
        id_=id_,
        account_id=visit.account_id,
        limit=PICTURES if together or not visit.partial else 0,
        start=first,
    )
    return visit.render(
        "sessions/live.html" if visit.partial else "sessions/session.html",
        content=view,
        running=running,
        analyzing=analyzing,
        together=together,
        cards=[_Card(picture=each, words=_words(each)) for each in view.pictures],
        **await _files(visit, view),
        **await _costs(visit, view),
        formats=FORMATS,
        looks=LOOKS,
        look=DEFAULT_LOOK,
        labels=texts.LABELS,
        path=path,
        page=page,
        more=view.tally.every > first + PICTURES,
        here=f"{path}?{urlencode(asked)}",
    )


async def begin(visit: Visit) -> Response:
    """Begin a session with the pictures that come along."""
    uploads = await incoming.taken(visit, caller=await visit.spend())
    content = await visit.services.sessions.create(
        account_id=visit.account_id, uploads=uploads.pictures
    )
    return visit.redirect(_SESSION.format(id=content.session.id), told=uploads.told)


async def add(visit: Visit) -> Response:
    """Add the pictures that come along to a session."""
    id_, caller = forms.id_of(visit), await visit.spend()
    await visit.services.sessions.find(id_=id_, account_id=visit.account_id)
    uploads = await incoming.taken(visit, caller=caller)
    await visit.services.sessions.add(
        id_=id_, account_id=visit.account_id, uploads=uploads.pictures
    )
    return visit.redirect(_SESSION.format(id=id_), told=uploads.told)


async def edit(visit: Visit) -> Response:
    """Save the words of one picture, and perhaps approve them."""
    id_, picture_id = forms.id_of(visit), forms.id_of(visit, "picture_id")
    page = forms.text(visit, "page") or "1"
    try:
        said = texts.read(visit.form)
    except errors.BadOption as error:
        if not visit.partial:
            raise
        picture = await visit.services.sessions.picture(
            id_=id_, account_id=visit.account_id, picture_id=picture_id
        )
        faults.write_down(visit, error)
        typed = {name: str(visit.form.get(name, "")) for name in texts.LABELS}
        return _card(visit, _Card(picture=picture, words=typed, error=error), id_, page)
    picture = await visit.services.sessions.edit(
        id_=id_,
        account_id=visit.account_id,
        picture_id=picture_id,
        texts=said,
        approved=forms.text(visit, "then") == "approve",
    )
    if visit.partial:
        return _card(visit, _Card(picture=picture, words=_words(picture), saved=True), id_, page)
    told = "Saved and approved." if picture.approved else "Saved."
    query = urlencode({"page": page})
    return visit.redirect(f"{_SESSION.format(id=id_)}?{query}#{picture_id}", told=told)


async def approve(visit: Visit) -> Response:
    """Approve the words of all pictures that have any."""
    id_ = forms.id_of(visit)
    count = await visit.services.sessions.approve(id_=id_, account_id=visit.account_id)
    pictures = "1 picture" if count == 1 else f"{count:,} pictures"
    return visit.redirect(_SESSION.format(id=id_), told=f"Approved: the words of {pictures}.")


async def analyze(visit: Visit) -> Response:
    """Have pictures described."""
    id_, caller = forms.id_of(visit), await visit.spend()
    content = await visit.services.sessions.find(id_=id_, account_id=visit.account_id)
    every = forms.text(visit, "words_for") == "all"
    chosen = [each for each in content.pictures if every or not each.words]
    usual = visit.services.style
    style = Style(
        language=forms.text(visit, "language") or usual.language,
        house_style=usual.house_style,
        lengths=usual.lengths,
    )
    for number, picks in enumerate(_in_steps(chosen)):
        await visit.services.runs.analyze(
            caller=caller,
            session_id=id_,
            picks=picks,
            style=style,
            terms=_terms(visit, number),
        )
    return visit.redirect(_SESSION.format(id=id_))


async def export(visit: Visit) -> Response:
    """Have files made of pictures."""
    id_, caller = forms.id_of(visit), await visit.spend()
    content = await visit.services.sessions.find(id_=id_, account_id=visit.account_id)
    every = forms.text(visit, "files_for") != "approved"
    chosen = [each for each in content.pictures if every or each.approved]
    recipe = _recipe(visit)
    for number, picks in enumerate(_in_steps(chosen)):
        await visit.services.runs.export(
            caller=caller,
            session_id=id_,
            picks=picks,
            recipe=recipe,
            terms=_terms(visit, number),
        )
    return visit.redirect(_SESSION.format(id=id_))


async def delete(visit: Visit) -> Response:
    """Remove a session and all its files."""
    await visit.services.sessions.delete(id_=forms.id_of(visit), account_id=visit.account_id)
    return visit.redirect(_SESSIONS, told="The session and its files are deleted.")


async def thumbnail(visit: Visit) -> Response:
    """Send a small picture of a picture."""
    picture = await visit.services.sessions.picture(
        id_=forms.id_of(visit),
        account_id=visit.account_id,
        picture_id=forms.id_of(visit, "picture_id"),
    )
    try:
        stored = await visit.services.sampling.thumbnail(
            account_id=visit.account_id, picture=picture
        )
    except errors.BadInput:
        response = Response(_BROKEN, media_type="image/svg+xml")
    else:
        response = await download(visit.request, stored, visit.services.results, show="inline")
    return confined(response)


async def session_file(visit: Visit) -> Response:
    """Send one exported file."""
    stored = await session_files.session_file(
        visit.services,
        id_=forms.id_of(visit),
        account_id=visit.account_id,
        name=visit.path["name"],
    )
    response = await download(visit.request, stored, visit.services.results)
    return confined(response, ask_again=True)


async def session_zip(visit: Visit) -> Response:
    """Send all exported files as one."""
    content = await visit.services.sessions.find(
        id_=forms.id_of(visit), account_id=visit.account_id
    )
    try:
        return await session_files.session_archive(visit.services, content)
    except errors.NotFound as error:
        return visit.redirect(_SESSION.format(id=content.session.id), fault=str(error))


def _in_steps(chosen: Sequence[Picture]) -> list[list[Pick]]:
    """Return as many picks as one run may have, again and again. Raises MissingInput for none."""
    if not chosen:
        raise errors.MissingInput("There is no such picture.")
    picks = [Pick(picture_id=each.id) for each in chosen]
    return [picks[at : at + MOST_AT_ONCE] for at in range(0, len(picks), MOST_AT_ONCE)]


def _terms(visit: Visit, number: int) -> Terms:
    """Return how a step is ordered: a form that is sent twice at once begins one order."""
    return Terms(base_url=visit.base_url, alone=number == 0)


def _recipe(visit: Visit) -> Recipe:
    format_ = forms.text(visit, "format")
    look = forms.whole(visit, "look", label="The look")
    if format_ not in dict(FORMATS) or look not in dict(LOOKS):
        raise errors.BadOption("Choose a format and a look from the lists.")
    options = Options(
        format=None if format_ == "original" else format_, quality=look, metadata="strip"
    )
    return Recipe(
        wanted=(Wanted(name="full", suffix="", options=options),),
        embed=fields.truth(visit.form, "embed", default=False),
        lossless=("png",) if look >= DEFAULT_LOOK else (),
    )


def _card(visit: Visit, card: _Card, id_: str, page: str) -> Response:
    return visit.render(
        "sessions/card.html",
        status=faults.status_of(card.error) if card.error else 200,
        card=card,
        labels=texts.LABELS,
        path=_SESSION.format(id=id_),
        page=page,
    )


def _words(picture: Picture) -> Mapping[str, str]:
    return texts.shown(load_texts(picture.words))


async def _files(visit: Visit, view: View) -> dict[str, Any]:
    """Return the exported files, the first of them with their sizes."""
    ids = [file.result_id for file in view.files[:FILES]]
    stored = await visit.services.results.all(ids=ids, account_id=visit.account_id) if ids else {}
    sizes = {id_: each.size for id_, each in stored.items()}
    return {"files": view.files[:FILES], "sizes": sizes}


async def _costs(visit: Visit, view: View) -> dict[str, Any]:
    """Return how many pictures each order would be for, and what they cost."""
    standing = await visit.services.credits.balance(account=visit.account_id)
    tally = view.tally
    return {
        "balance": standing.balance,
        "describes": visit.services.runs.describes,
        "language": visit.services.style.language,
        "count": tally.every,
        "wordless": tally.every - tally.worded,
        "approved": tally.approved,
        "approvable": tally.approvable,
    }


PAGES = (
    Page(path=_SESSIONS, handler=sessions),
    Page(path=_SESSIONS, handler=begin, method="POST", back=_SESSIONS, upload=True),
    Page(path=_SESSION, handler=session),
    Page(path=f"{_SESSION}/pictures", handler=add, method="POST", back=_SESSION, upload=True),
    Page(path=_PICTURE, handler=edit, method="POST", back=_SESSION),
    Page(path=f"{_PICTURE}/thumbnail", handler=thumbnail),
    Page(path=f"{_SESSION}/approve", handler=approve, method="POST", back=_SESSION),
    Page(path=f"{_SESSION}/analyze", handler=analyze, method="POST", back=_SESSION),
    Page(path=f"{_SESSION}/export", handler=export, method="POST", back=_SESSION),
    Page(path=f"{_SESSION}/delete", handler=delete, method="POST", back=_SESSIONS),
    Page(path=f"{_SESSION}/zip", handler=session_zip),
    Page(path=f"{_SESSION}/files/{{name}}", handler=session_file),
)
