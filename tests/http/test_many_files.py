"""Forms with many files, of which one is in memory at a time."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message

from pixmill import errors
from pixmill.http.bodies import SLACK, Bodies
from pixmill.http.fingerprints import fingerprint
from pixmill.http.uploads import Received, Refused

from fixtures.asgi import serving

pytestmark = pytest.mark.anyio

LIMIT = 1000
FIELDS = ("files", "files[]", "image", "images", "images[]", "file")
#: Pieces of a body: bytes, seconds in which nothing comes, or None for a caller who hangs up.
Sent = Iterable[bytes | float | None]


def part(
    name: str, data: bytes, *, filename: str | None = None, boundary: str = "b", more: str = ""
) -> bytes:
    disposition = f'form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    head = f"--{boundary}\r\n{more}Content-Disposition: {disposition}\r\n\r\n"
    return head.encode() + data + b"\r\n"


def file(data: bytes, filename: str = "a.jpg", name: str = "files") -> bytes:
    return part(name, data, filename=filename)


END = b"--b--\r\n"


def cut(*parts: bytes, size: int = 100) -> list[bytes]:
    """Return *parts* in pieces that end anywhere."""
    body = b"".join(parts)
    return [body[start : start + size] for start in range(0, len(body), size)]


@dataclass
class Taken:
    """What a form held, with the bytes of its files."""

    parts: list[Received | Refused] = field(default_factory=list)
    data: list[bytes | None] = field(default_factory=list)
    fields: dict[str, object] = field(default_factory=dict)


class Desk:
    """Reads forms, as a handler does."""

    def __init__(self, *, timeout: float = 30, memory_size: int = 10_000, max_files: int = 50):
        self.bodies = Bodies(timeout=timeout, memory_size=memory_size)
        self.max_files = max_files
        self.received = 0  #: pieces of the body that were asked for
        self.meanwhile: Callable[[Received | Refused], Awaitable[None]] | None = None

    def request(self, sent: Sent, headers: dict[str, str]) -> Request:
        pieces = iter(sent)

        async def receive() -> Message:
            for piece in pieces:
                if isinstance(piece, float):
                    await asyncio.sleep(piece)
                    continue
                if piece is None:
                    return {"type": "http.disconnect"}
                self.received += 1
                return {"type": "http.request", "body": piece, "more_body": True}
            return {"type": "http.request", "body": b"", "more_body": False}

        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        return Request({"type": "http", "method": "POST", "headers": raw}, receive)

    async def read(self, sent: Sent, *, into: Taken | None = None, **headers: str) -> Taken:
        taken = into or Taken()

        async def take(given: Received | Refused) -> None:
            if self.meanwhile:
                await self.meanwhile(given)
            taken.parts.append(given)
            taken.data.append(given.blob.read() if isinstance(given, Received) else None)

        headers = {"content-type": "multipart/form-data; boundary=b"} | headers
        taken.fields = await self.bodies.files(
            self.request(sent, headers),
            max_file_size=LIMIT,
            max_files=self.max_files,
            file_fields=FIELDS,
            take=take,
        )
        return taken


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_files_come_one_after_the_other(desk: Desk) -> None:  # OG-44
    taken = await desk.read([file(b"one", "1.jpg"), file(b"two", "2.png"), file(b"", "3"), END])

    assert taken.data == [b"one", b"two", b""]
    assert [given.index for given in taken.parts] == [0, 1, 2]
    assert [given.filename for given in taken.parts] == ["1.jpg", "2.png", "3"]
    assert [given.size for given in taken.parts] == [3, 3, 0]
    assert taken.parts[0].digest == hashlib.sha256(b"one").hexdigest()


@pytest.mark.parametrize("name", FIELDS)
async def test_files_may_be_called_in_many_ways(desk: Desk, name: str) -> None:  # OG-53
    taken = await desk.read([file(b"x", name=name), part(name, b"y"), END])

    assert taken.data == [b"x", b"y"]
    assert {given.field for given in taken.parts} == {name}
    assert taken.fields == {}


async def test_fields_may_come_before_and_after_the_files(desk: Desk) -> None:
    taken = await desk.read(
        [part("format", b"webp"), file(b"x"), part("width", b"80"), part("to[]", b"a"), END]
    )

    assert taken.data == [b"x"]
    assert taken.fields == {"format": "webp", "width": "80", "to": ["a"]}


async def test_other_files_are_dropped(desk: Desk) -> None:
    taken = await desk.read([file(b"y" * 5000, name="thumbnail"), file(b"x"), END])

    assert taken.data == [b"x"]


async def test_one_file_at_a_time_is_in_memory(desk: Desk) -> None:
    held: list[int] = []

    async def meanwhile(_given: Received | Refused) -> None:
        held.append(desk.bodies.held_size)

    desk.meanwhile = meanwhile
    await desk.read(cut(*(file(bytes(900)) for _ in range(50)), END))

    assert len(held) == 50
    assert min(held) >= 900
    assert max(held) <= 1000  # the next one began in the same piece
    assert desk.bodies.held_size == 0


async def test_nothing_more_is_read_before_a_file_is_taken(desk: Desk) -> None:  # OG-44
    received: list[int] = []

    async def meanwhile(_given: Received | Refused) -> None:
        await asyncio.sleep(0.01)
        received.append(desk.received)

    desk.meanwhile = meanwhile
    await desk.read([*(file(b"x") for _ in range(5)), END])

    # That a file is whole is known by the boundary that follows it.
    assert received == [2, 3, 4, 5, 6]


async def test_small_files_of_one_piece_are_all_taken(desk: Desk) -> None:
    taken = await desk.read([b"".join(file(b"%d" % n) for n in range(50)) + END])

    assert taken.data == [b"%d" % n for n in range(50)]


async def test_a_file_that_is_too_large_is_refused_alone(desk: Desk) -> None:  # OG-49
    large = bytes(range(256)) * 10
    held: list[int] = []

    async def meanwhile(_given: Received | Refused) -> None:
        held.append(desk.bodies.held_size)

    desk.meanwhile = meanwhile
    sent = cut(file(b"x"), file(large, "large.jpg"), file(bytes(LIMIT)), END)
    taken = await desk.read(sent)

    assert taken.data == [b"x", None, bytes(LIMIT)]
    assert held[1] < 100  # what of the next one came in the same piece
    refused = taken.parts[1]
    assert isinstance(refused, Refused)
    assert refused.error.limit == LIMIT
    assert (refused.index, refused.filename, refused.size) == (1, "large.jpg", 2560)
    assert refused.digest == hashlib.sha256(large).hexdigest()


async def test_fifty_files_and_as_many_fields_are_taken(desk: Desk) -> None:  # OG-44
    fields = [part(f"f{n}", b"x") for n in range(50)]
    taken = await desk.read([*fields, *(file(b"x") for _ in range(50)), *fields, END])

    assert len(taken.data) == 50
    assert len(taken.fields) == 50


async def test_one_file_too_many_is_refused_as_soon_as_it_begins(desk: Desk) -> None:  # OG-61
    pieces = [*(file(b"x") for _ in range(50)), file(b"x" * 900)[:100], file(b"never")]
    with pytest.raises(errors.TooManyFiles, match="more than 50 files"):
        await desk.read(pieces)

    assert desk.received == 51
    assert desk.bodies.held_size == 0


async def test_inputs_that_were_left_empty_do_not_count(desk: Desk) -> None:
    desk.max_files = 2
    empty = file(b"", filename="")
    taken = await desk.read([empty, file(b"x"), empty, file(b"y", filename=""), empty, END])

    assert taken.data == [b"x", b"y"]
    assert [given.index for given in taken.parts] == [0, 1]
    with pytest.raises(errors.TooManyFiles):
        await desk.read([file(b"x"), file(b"y"), file(b"z", filename=""), END])


@pytest.mark.parametrize("end", [[], [None], [b"--b"], [file(b"x" * 100)[:60]], [END[:-4]]])
async def test_a_body_that_is_cut_off_is_incomplete(desk: Desk, end: Sent) -> None:
    taken = Taken()
    with pytest.raises(errors.UploadIncomplete):
        await desk.read([file(b"x"), part("f", b"x"), *end], into=taken)

    assert taken.data == [b"x"]
    assert desk.bodies.held_size == 0


async def test_a_server_without_room_is_busy_and_gives_all_back() -> None:
    desk = Desk(memory_size=1500)

    async def meanwhile(given: Received | Refused) -> None:
        if given.index == 1:
            with desk.bodies.room() as spend:  # somebody else's upload
                spend(700)
                await Desk.read(desk, [file(bytes(900)), END])

    desk.meanwhile = meanwhile
    with pytest.raises(errors.Busy):
        await desk.read([file(bytes(900)), file(bytes(900)), END])

    assert desk.bodies.held_size == 0


async def test_what_goes_wrong_with_a_file_ends_the_request(desk: Desk) -> None:
    async def meanwhile(_given: Received | Refused) -> None:
        raise errors.StorageFull

    desk.meanwhile = meanwhile
    with pytest.raises(errors.StorageFull):
        await desk.read([file(b"x") + file(b"y") + file(b"z")[:-5]])

    assert desk.bodies.held_size == 0


async def test_each_file_has_the_time_of_a_whole_body() -> None:
    desk = Desk(timeout=1.5)
    arriving = [each for _ in range(4) for each in (file(b"x")[:20], 0.5, file(b"x")[20:])]

    taken = await desk.read([*arriving, END])
    assert taken.data == [b"x"] * 4
    with pytest.raises(errors.UploadIncomplete):
        await desk.read([file(b"x"), file(b"x")[:20], 60.0, END])


async def test_the_time_of_the_server_is_not_the_caller_s() -> None:
    desk = Desk(timeout=0.2)

    async def meanwhile(_given: Received | Refused) -> None:
        await asyncio.sleep(0.5)

    desk.meanwhile = meanwhile

    assert (await desk.read([file(b"x") + END])).data == [b"x"]


async def test_a_timeout_of_the_server_is_not_worded_as_the_caller_s(desk: Desk) -> None:
    async def meanwhile(_given: Received | Refused) -> None:
        raise TimeoutError

    desk.meanwhile = meanwhile
    with pytest.raises(TimeoutError):
        await desk.read([file(b"x") + END])


async def test_more_than_so_many_files_can_be_is_refused_before_the_body(desk: Desk) -> None:
    most = 50 * LIMIT + SLACK
    with pytest.raises(errors.FileTooLarge):
        await desk.read([END], **{"content-length": str(most + 1)})
    assert desk.received == 0

    endless = (bytes(100_000) for _ in range(100))
    with pytest.raises(errors.FileTooLarge):
        await desk.read([file(b"x")[:-2], *endless])
    assert desk.received == 2 + most // 100_000


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"content-type": "application/json"}, errors.WrongContentType),
        ({"content-type": "multipart/form-data"}, errors.WrongContentType),
        ({"content-encoding": "gzip"}, errors.BadInput),
    ],
)
async def test_another_kind_of_body_is_refused(
    desk: Desk, headers: dict[str, str], error: type[errors.Error]
) -> None:
    with pytest.raises(error):
        await desk.read([file(b"x"), END], **headers)


@given(
    contents=st.lists(st.binary(max_size=1200) | st.just(b"\r\n--b"), max_size=6),
    cuts=st.lists(st.integers(0, 5000), max_size=8),
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
async def test_a_form_reads_the_same_however_it_is_cut(
    desk: Desk, contents: list[bytes], cuts: list[int]
) -> None:
    contents = [data.replace(b"\r\n--b", b"\r\n--c") for data in contents]
    sent = b"".join([*map(file, contents), part("f", b"v"), END])
    ends = [*sorted(cuts), len(sent)]
    taken = await desk.read(sent[start:end] for start, end in zip([0, *ends], ends, strict=False))

    assert taken.data == [data if len(data) <= LIMIT else None for data in contents]
    assert [given.digest for given in taken.parts] == [
        hashlib.sha256(data).hexdigest() for data in contents
    ]
    assert taken.fields == {"f": "v"}
    assert desk.bodies.held_size == 0


async def test_many_files_come_over_the_wire() -> None:
    desk = Desk(memory_size=2_000_000)
    peak = 0

    async def take(given: Received | Refused) -> None:
        nonlocal peak
        peak = max(peak, desk.bodies.held_size)
        digests.append(given.digest)

    digests: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        fields = await desk.bodies.files(
            request, max_file_size=500_000, max_files=50, file_fields=FIELDS, take=take
        )
        response: Response = JSONResponse(fields)
        await response(scope, receive, send)

    contents = [bytes([n]) * 400_000 for n in range(50)]
    files = [("files[]", (f"{n}.jpg", data)) for n, data in enumerate(contents)]
    async with serving(app) as address, httpx.AsyncClient(timeout=60) as client:
        answer = await client.post(address, data={"format": "webp"}, files=files)

    assert answer.json() == {"format": "webp"}
    assert digests == [hashlib.sha256(data).hexdigest() for data in contents]
    assert peak < 1_000_000  # one file, and one piece of the body


async def printed(desk: Desk, *sent: bytes, boundary: str = "b", path: str = "/batch") -> str:
    content_type = f"multipart/form-data; boundary={boundary}"
    taken = await desk.read(sent, **{"content-type": content_type})
    return fingerprint(method="POST", path=path, fields=taken.fields, parts=taken.parts)


async def test_a_fingerprint_is_of_the_contents_alone(desk: Desk) -> None:  # OG-59
    first = await printed(
        desk, file(b"x", "1"), file(b"y", "2"), part("to", b"webp"), part("q", b"8"), END
    )
    again = await printed(
        desk,
        part("q", b"8", boundary="other"),
        part("files", b"x", filename="1", boundary="other", more="Content-Type: image/png\r\n"),
        part("files", b"y", filename="2", boundary="other", more="X-Any: 1\r\n"),
        part("to", b"webp", boundary="other"),
        b"--other--\r\n",
        boundary="other",
    )

    assert first == again
    assert len(first) == 64


async def test_every_change_of_the_contents_changes_the_fingerprint(desk: Desk) -> None:  # OG-59
    one, two, to = file(b"x", "1"), file(b"y", "2"), part("to", b"webp")
    large = file(b"z" * 1100, "3")
    prints = [
        await printed(desk, one, two, to, END),
        await printed(desk, two, one, to, END),
        await printed(desk, one, to, END),
        await printed(desk, one, two, END),
        await printed(desk, one, two, to, part("q", b"1"), END),
        await printed(desk, one, two, part("to", b"png"), END),
        await printed(desk, one, file(b"z", "2"), to, END),
        await printed(desk, one, file(b"y", "3"), to, END),
        await printed(desk, one, file(b"y", "2", "image"), to, END),
        await printed(desk, one, two, to, END, path="/other"),
        await printed(desk, one, two, to, large, END),
        await printed(desk, one, two, to, file(b"z" * 1101, "3"), END),
    ]

    assert len(set(prints)) == len(prints)


def test_a_fingerprint_of_json_does_not_look_at_the_order_of_names() -> None:
    def of(fields: dict[str, object]) -> str:
        return fingerprint(method="POST", path="/jobs", fields=fields)

    assert of({"a": 1, "b": {"c": [1, 2], "d": "\ud800ä"}}) == of(
        {"b": {"d": "\ud800ä", "c": [1, 2]}, "a": 1}
    )
    assert of({"a": [1, 2]}) != of({"a": [2, 1]})
    assert of({"a": "1"}) != of({"a": 1})


def test_a_body_that_is_nested_too_deep_has_no_fingerprint() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(errors.BadInput, match="nested"):
        fingerprint(method="POST", path="/jobs", fields={"a": nested})
    while nested:  # so that the interpreter does not take it apart recursively
        nested = nested.pop()
