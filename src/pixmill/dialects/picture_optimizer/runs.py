"""Picture Optimizer's analyses and exports: accepted for good, and then told of (PO-37, PO-58)."""

import json
from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

from pixmill import errors
from pixmill.dialects.picture_optimizer import bodies, recipes, sessions, telling, words
from pixmill.dialects.picture_optimizer.places import Links, session_id
from pixmill.http import fields
from pixmill.http.dialect import Call
from pixmill.http.events import event_stream, last_event_id
from pixmill.services.sessions.types import Run, Task
from pixmill.services.vision.text import clean
from pixmill.services.vision.types import HOUSE_STYLE_LENGTH, Style

#: Seconds after which a client should ask the model once more.
RETRY_SECONDS = 5


async def analyze(call: Call) -> Response:
    """Have the images of a session described, and tell of it while it happens."""
    asked = await bodies.asked(call)
    return _stream(call, await _analyze(call, asked))


async def analyze_session(call: Call) -> Response:
    """Do the same for the session in the path (PO-38)."""
    return await analyze(call)


async def analyze_single(call: Call) -> Response:
    """Have one image described, and wait for it (PO-46, PO-55)."""
    own = session_id(call.request.path_params["id"])
    given = await bodies.read(call)
    said = given.get("sessionId")
    if said is not None and said != own:
        raise errors.BadInput('"sessionId" is not that of the path.')
    picked = bodies.pick(given.get("image", given), own, {})
    run = await _analyze(call, bodies.Asked(session_id=own, picks=(picked,), fields=given))
    [task] = await call.services.runs.wait(run=run, closing=call.services.closing)
    answer = _failure(call, run, task) if task.outcome is None else _success(task.outcome)
    answer.headers["X-Pixmill-Run"] = run.id
    return answer


async def export(call: Call) -> Response:
    """Have files made of the images of a session, and tell of it while it happens."""
    asked = await bodies.asked(call)
    recipe = recipes.recipe(asked.fields.get("settings"))
    run = await call.services.runs.export(
        caller=call.caller,
        session_id=asked.session_id,
        picks=asked.picks,
        recipe=recipe,
        terms=bodies.terms(call, asked.fields, base_url=Links.of(call).base_url),
    )
    return _stream(call, run)


async def export_session(call: Call) -> Response:
    """Do the same for the session in the path (PO-59)."""
    return await export(call)


async def session_events(call: Call) -> Response:
    """Tell what happens in a session, from its beginning or from the last known event on."""
    content = await sessions.find(call, session_id(call.request.path_params["id"]))
    run_id = await _run_of(call, content.session.id)
    known = last_event_id(call.request)
    living = run_id in content.running if run_id else bool(content.running)
    if not living and (known or 0) >= content.session.events:
        # Who is told so does not come back; after the end of a stream, browsers do.
        return Response(status_code=204)
    return event_stream(
        telling.events(
            call.services,
            Links.of(call),
            session_id=content.session.id,
            account_id=call.caller.account.id,
            run_id=run_id,
            after=known or 0,
        ),
        closing=call.services.closing,
    )


async def _analyze(call: Call, asked: bodies.Asked) -> Run:
    return await call.services.runs.analyze(
        caller=call.caller,
        session_id=asked.session_id,
        picks=asked.picks,
        style=_style(call, asked.fields),
        terms=bodies.terms(call, asked.fields, base_url=Links.of(call).base_url),
    )


def _style(call: Call, given: Mapping[str, object]) -> Style:
    """Return how images are to be described. Raises BadOption."""
    usual = call.services.style
    house_style = fields.text(given, "houseStyle") or fields.text(given, "style")
    if house_style is not None and len(house_style) <= HOUSE_STYLE_LENGTH:
        house_style = clean(house_style)
    return Style(
        language=fields.text(given, "language") or usual.language,
        house_style=house_style or usual.house_style,
        lengths=usual.lengths,
    )


def _stream(call: Call, run: Run) -> Response:
    """Return what happens in *run*, which goes on when nobody listens (PO-53)."""
    answer = event_stream(
        telling.events(
            call.services,
            Links.of(call),
            session_id=run.session_id,
            account_id=run.account_id,
            run_id=run.id,
        ),
        closing=call.services.closing,
    )
    answer.headers["X-Pixmill-Run"] = run.id
    return answer


async def _run_of(call: Call, own: str) -> str | None:
    """Return the run that is asked about, if only one is. Raises NotFound."""
    run_id = fields.text(call.request.query_params, "runId")
    if run_id is None:
        return None
    if not (run_id.isascii() and run_id.isprintable()):
        raise errors.NotFound
    run, _ = await call.services.runs.find(id_=run_id, account_id=call.caller.account.id)
    if run.session_id != own:
        raise errors.NotFound
    return run.id


def _success(outcome: str) -> Response:
    return JSONResponse(telling.result(json.loads(outcome)))


def _failure(call: Call, run: Run, task: Task) -> Response:
    code, message = task.code or errors.Internal.code, task.message or ""
    call.record.error = code
    wording, said = words.kept(code, message)
    headers = {"Retry-After": str(RETRY_SECONDS)} if wording.status == 503 else None
    refunded = {"creditRefunded": run.deduction_id is not None}
    return JSONResponse({**said, **refunded}, wording.status, headers=headers)
