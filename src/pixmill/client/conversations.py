"""What is said to the server, call by call: over its Optimagio API, unless it says otherwise."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from pixmill.client.failures import PixmillError
from pixmill.client.steps import (
    ONCE,
    Conversation,
    Part,
    Patience,
    Reply,
    Send,
    Sleep,
    ask,
    content,
    failed,
)
from pixmill.client.types import Analysis, Batch, Failure, Item, Job, Options, Result, Source, Usage

#: Files and bytes of a chunk: the server takes no more than 50 files.
CHUNK_FILES = 50
CHUNK_SIZE = 32 * 1024 * 1024

#: Seconds between two questions: the first, and the most.
SOON, LATE = 0.1, 2.0

_BATCHES = "/api/v1/optimize/batch"

Progress = Callable[[Batch], object]


def optimize(source: Source, options: Options, patience: Patience) -> Conversation[Result]:
    """Make one picture. To send it again costs nothing: the server knows it by then."""
    reply = yield from ask(
        Send(method="POST", path="/api/optimize", **_form(source, options)), patience
    )
    said = reply.json()
    data = yield from download(said["optimized_url"], patience)
    return Result(
        data=data,
        format=said["format"],
        width=said["width"],
        height=said["height"],
        original_size=said["original_size"],
        optimized_size=said["optimized_size"],
        how=said["how"],
        score=said.get("score"),
        cached=said["cached"],
        url=said["optimized_url"],
    )


def download(url: str, patience: Patience) -> Conversation[bytes]:
    """
    Return what the link *url* leads to.

    It is asked for where everything else is: the server may know itself by another name, and the
    key must not go there.
    """
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    send = Send(method="GET", path=f"{parts.path}{query}", linked=True)
    return (yield from ask(send, patience)).data


def submit(source: Source, options: Options, patience: Patience) -> Conversation[Job]:
    """Begin a job."""
    send = Send(method="POST", path="/api/v1/jobs", headers=_once(), **_form(source, options))
    said = (yield from ask(send, patience)).json()
    return Job(id=said["job_id"], status=said["status"])


def job(id_: str, patience: Patience) -> Conversation[Job]:
    """Ask how a job stands."""
    return _job((yield from ask(Send(method="GET", path=f"/api/v1/jobs/{id_}"), patience)))


def cancel(id_: str, patience: Patience) -> Conversation[Job]:
    """Cancel a job that nobody works on yet."""
    return _job((yield from ask(Send(method="DELETE", path=f"/api/v1/jobs/{id_}"), patience)))


def wait(id_: str, patience: Patience) -> Conversation[Job]:
    """Ask until a job is over."""
    for pause in _pauses():
        known = yield from job(id_, patience)
        if known.over:
            return known
        yield Sleep(pause)
    raise AssertionError


def batch(
    files: Iterable[tuple[str, bytes | Path]],
    options: Options,
    patience: Patience,
    progress: Progress | None,
) -> Conversation[Batch]:
    """Send *files* in chunks and wait for all of them; they are read when it is their turn."""
    name = f"client-{uuid4()}"
    items: dict[str, Item] = {}
    rejected: list[Item] = []
    id_ = None
    for first, chunk in _chunks(files):
        reply = yield from _send_chunk(name, chunk, options, patience)
        said = reply.json()
        for each in said["accepted_files"]:
            items[each["item_id"]] = Item(
                index=first + each["index"], filename=each["filename"], id=each["item_id"]
            )
        for each in said["rejected_files"]:
            error = Failure(code=each["code"], message=each["error"])
            place = first + each["index"]
            rejected.append(
                Item(index=place, filename=each["filename"], status="rejected", error=error)
            )
        id_ = said["batch_id"] if said["accepted_files"] else id_
    if id_ is None:
        return Batch(
            id=name, status="completed", total=0, completed=0, failed=0, items=tuple(rejected)
        )
    yield from ask(Send(method="POST", path=f"{_BATCHES}/{id_}/complete"), patience)
    done = yield from _until_over(id_, patience, progress)
    found = [replace(each, index=items[each.id or ""].index) for each in done.items]
    return replace(done, items=tuple(sorted((*found, *rejected), key=lambda item: item.index)))


def follow(id_: str, patience: Patience) -> Conversation[Batch]:
    """Ask how a batch stands, with all of its items."""
    known: Batch | None = None
    query = {"limit": "1000"}
    while True:
        send = Send(method="GET", path=f"{_BATCHES}/{id_}", query=query)
        said = (yield from ask(send, patience)).json()
        before = known.items if known else ()
        page = tuple(_item(each, len(before) + place) for place, each in enumerate(said["items"]))
        known = Batch(
            id=said["batch_id"],
            status=said["status"],
            total=said["total"],
            completed=said["completed"],
            failed=said["failed"],
            items=(*before, *page),
        )
        if said["next_cursor"] is None:
            return known
        query = {"limit": "1000", "cursor": said["next_cursor"]}


def archive(id_: str, patience: Patience) -> Conversation[bytes]:
    """Return everything of a batch that is completed, as one ZIP."""
    return (yield from ask(Send(method="GET", path=f"{_BATCHES}/{id_}/zip"), patience)).data


def usage(patience: Patience) -> Conversation[Usage]:
    """Ask what the key was used for, over the OptiPic API."""
    said = (yield from ask(Send(method="GET", path="/v1/usage"), patience)).json()
    return Usage(**{name: said[name] for name in Usage.__dataclass_fields__})


def analyze(source: bytes | Path, patience: Patience) -> Conversation[Analysis]:
    """
    Ask what a picture shows, over the Picture Optimizer API.

    The question itself is sent only once, because it costs a credit each time.
    """
    name, data = content(source)
    upload = Send(method="POST", path="/v1/sessions/upload", parts=[("images[]", name, data)])
    session = (yield from ask(upload, patience)).json()
    path = f"/v1/sessions/{session['sessionId']}"
    image = {key: session["images"][0][key] for key in ("id", "uploadPath", "originalFilename")}
    question = Send(method="POST", path=f"{path}/analyze-single", body={"image": image})
    try:
        reply = yield from ask(question, ONCE, expect=range(400, 600))
    except PixmillError:
        with suppress(PixmillError):
            yield from _forget(path, patience)
        raise
    yield from _forget(path, patience)
    if reply.status >= 400:
        raise failed(reply)
    said = reply.json()
    return Analysis(engine=said["engine"], metadata=said["metadata"], facts=said["facts"])


def _forget(path: str, patience: Patience) -> Conversation[Reply]:
    """Delete a session, which may be gone by itself."""
    send = Send(method="DELETE", path=path)
    return (yield from ask(send, patience, expect=(404, 410)))


def _form(source: Source, options: Options) -> dict[str, Any]:
    fields = _fields(options)
    if isinstance(source, str):
        return {"fields": {**fields, "url": source}}
    name, data = content(source)
    return {"fields": {**fields, "accept_file": "true"}, "parts": [("image", name, data)]}


def _fields(options: Options) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in options.items()
    }


def _once() -> dict[str, str]:
    """Return the header with which a request that is sent again is done once."""
    return {"Idempotency-Key": str(uuid4())}


def _job(reply: Reply) -> Job:
    said = reply.json()
    return Job(
        id=said["job_id"],
        status=said["status"],
        url=(said["result"] or {}).get("optimized_url"),
        error=_error(said["error"]),
    )


def _item(said: Mapping[str, Any], index: int) -> Item:
    # While there is no result, some of these are left out.
    names = ("format", "original_size", "optimized_size", "width", "height", "how", "score")
    return Item(
        index=index,
        id=said["item_id"],
        filename=said["filename"],
        status=said["status"],
        url=said["optimized_url"],
        error=_error(said["error"]),
        **{name: said.get(name) for name in names},
    )


def _error(said: Mapping[str, str] | None) -> Failure | None:
    return Failure(code=said["code"], message=said["message"]) if said else None


def _send_chunk(
    name: str, chunk: list[Part], options: Options, patience: Patience
) -> Conversation[Reply]:
    """Send a chunk; that all of its files are refused is an answer like another."""
    send = Send(
        method="POST",
        path=_BATCHES,
        fields={"client_batch_id": name, **_fields(options)},
        parts=chunk,
        headers=_once(),
    )
    reply = yield from ask(send, patience, expect=(422,))
    if reply.status == 422 and "rejected_files" not in reply.json():
        raise failed(reply)
    return reply


def _until_over(id_: str, patience: Patience, progress: Progress | None) -> Conversation[Batch]:
    before = None
    for pause in _pauses():
        known = yield from follow(id_, patience)
        if progress and (known.completed, known.failed) != before:
            before = known.completed, known.failed
            progress(known)
        if known.over:
            return known
        yield Sleep(pause)
    raise AssertionError


def _pauses() -> Iterator[float]:
    pause = SOON
    while True:
        yield pause
        pause = min(LATE, pause * 1.5)


def _chunks(files: Iterable[tuple[str, bytes | Path]]) -> Iterator[tuple[int, list[Part]]]:
    """Give chunks, each with the place of its first file."""
    first, size = 0, 0
    chunk: list[Part] = []
    for name, source in files:
        data = content(source)[1]
        if chunk and (len(chunk) == CHUNK_FILES or size + len(data) > CHUNK_SIZE):
            yield first, chunk
            first, size, chunk = first + len(chunk), 0, []
        chunk.append(("files", name, data))
        size += len(data)
    if chunk:
        yield first, chunk
