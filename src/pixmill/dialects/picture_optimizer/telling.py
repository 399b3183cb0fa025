"""What Picture Optimizer tells of runs: while they go on, and when they are over."""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from pixmill.dialects.picture_optimizer import answers, texts, words
from pixmill.dialects.picture_optimizer.places import Links
from pixmill.http.events import Event
from pixmill.services.registry import Services
from pixmill.services.sessions.types import News, Run, Task, load_texts


async def events(  # noqa: PLR0913 - what there is to follow, and from where on
    services: Services,
    links: Links,
    *,
    session_id: str,
    account_id: str,
    run_id: str | None = None,
    after: int = 0,
) -> AsyncIterator[Event]:
    """Give what happens in a session, or in one of its runs, in our words (PO-40 to PO-43)."""
    async for news in services.runs.follow(session_id=session_id, run_id=run_id, after=after):
        if news.name == "over":
            run, tasks = await services.runs.find(id_=news.run_id, account_id=account_id)
            name, data = "complete", complete(run, tasks, links)
        else:
            name, data = _told(news)
        yield Event(name=name, data=data, id=news.number)


def _told(news: News) -> tuple[str, dict[str, Any]]:
    data = news.data
    about = {"imageId": data["picture"]}
    exporting = data["kind"] == "export"
    match news.name:
        case "begun":
            step = {"step": "optimizing"} if exporting else {}
            return "progress", {**about, "status": "processing", **step, **_place(data)}
        case "partial":
            return "partial", {**about, "field": data["field"], "text": data["text"]}
        case "done" if exporting:
            status = {"status": "completed", "step": "completed"}
            return "progress", {**about, **status, **_place(data)}
        case "done":
            return "result", result(data)
        case _:
            _, said = words.kept(data["code"], data["message"])
            return "error", {**about, **said, "creditRefunded": data["refunded"]}


def _place(data: Mapping[str, Any]) -> dict[str, int]:
    return {"current": data["current"], "total": data["total"]}


def result(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """Return what came of the analysis of one image (PO-41)."""
    return {
        "imageId": outcome["picture"],
        "metadata": texts.metadata(load_texts(json.dumps(outcome["texts"]))),
        "engine": outcome["engine"],
        "facts": answers.facts(outcome["facts"]),
        **answers.notice(outcome["engine"]),
    }


def complete(run: Run, tasks: list[Task], links: Links) -> dict[str, Any]:
    """Return what is told of a run that is over (PO-43, PO-78)."""
    answer: dict[str, Any] = {
        "status": "completed_with_errors" if run.failed else "completed",
        "processed": run.finished - run.failed,
        "total": run.total,
        "sessionId": run.session_id,
        "runId": run.id,
    }
    if run.kind == "export":
        answer["results"] = [
            _exported(json.loads(task.outcome), links) for task in tasks if task.outcome
        ]
    return answer


def _exported(outcome: Mapping[str, Any], links: Links) -> dict[str, Any]:
    files = outcome["files"]
    full, before = files[0], outcome["size"]
    return {
        "imageId": outcome["picture"],
        "originalFilename": outcome["filename"],
        "filename": full["name"],
        "originalSize": before,
        "exportedSize": full["size"],
        "savingsPercent": savings_percent(before, full["size"]),
        "notes": outcome["notes"],
        "variants": [_variant(file, links) for file in files],
    }


def _variant(file: Mapping[str, Any], links: Links) -> dict[str, Any]:
    until = file["expires_at"]
    return {
        "name": file["variant"],
        "path": file["name"],
        "size": file["size"],
        "width": file["width"],
        "height": file["height"],
        "url": links.signed(
            file["result"],
            expires_at=datetime.fromisoformat(until) if until else None,
            name=file["name"],
        ),
        "format": file["format"],
    }


def savings_percent(before: int, after: int) -> float:
    """Return by how much *after* is smaller, in percent; negative when larger."""
    return round(100 * (before - after) / before, 1) + 0
