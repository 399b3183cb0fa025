"""Forms with one file, as bytes that come in pieces; those with many are in test_many_files.py."""

from contextlib import closing

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pixmill import errors
from pixmill.http import multipart
from pixmill.http.multipart import Form, FormReader
from pixmill.http.uploads import OneFile

BOUNDARY = b"----pixmill"


def part(name: str, data: bytes, *, filename: str | None = None) -> bytes:
    disposition = f'form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    return b"--%s\r\nContent-Disposition: %s\r\n\r\n%s\r\n" % (
        BOUNDARY,
        disposition.encode(),
        data,
    )


def body(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--%s--\r\n" % BOUNDARY


class Reader:
    """A reader of a form with one file of at most 1000 bytes."""

    def __init__(self, boundary: bytes = BOUNDARY) -> None:
        self._file = OneFile(max_size=1000, spend=self.spend)
        self._reader = FormReader(boundary, file_fields=("file",), files=self._file)
        self.feed = self._reader.feed
        self.close = self._file.close

    def spend(self, size: int) -> None:
        """Have room for any size."""

    def finish(self) -> Form:
        self._reader.finish()
        return Form(file=self._file.upload, fields=self._reader.fields)


class FullReader(Reader):
    """A reader on a server without room."""

    def spend(self, size: int) -> None:
        raise errors.Busy(detail=str(size))


def file_of(data: bytes) -> bytes | None:
    with closing(Reader()) as form_reader:
        form_reader.feed(data)
        upload = form_reader.finish().file
        return upload.blob.read() if upload else None


def fields_of(data: bytes) -> dict[str, object]:
    with closing(Reader()) as form_reader:
        form_reader.feed(data)
        return form_reader.finish().fields


def test_a_form_has_a_file_and_fields() -> None:
    with closing(Reader()) as form_reader:
        form_reader.feed(body(part("file", b"\xff\xd8", filename="a.jpg"), part("quality", b"80")))
        form = form_reader.finish()

        assert form.file
        assert form.file.filename == "a.jpg"
        assert form.file.blob.read() == b"\xff\xd8"
        assert form.fields == {"quality": "80"}


def test_the_first_of_two_files_wins() -> None:  # OP-38
    sent = body(part("file", b"first", filename="a"), part("file", b"second", filename="b"))

    assert file_of(sent) == b"first"


def test_a_file_may_come_as_a_plain_field() -> None:  # OP-39
    assert file_of(body(part("file", b"\xff\xd8"))) == b"\xff\xd8"


def test_the_first_of_two_equal_fields_wins() -> None:
    assert fields_of(body(part("to", b"webp"), part("to", b"png"))) == {"to": "webp"}


def test_other_files_are_dropped() -> None:
    sent = body(part("thumbnail", b"x" * 100_000, filename="t"), part("file", b"f", filename="a"))

    assert file_of(sent) == b"f"
    assert fields_of(sent) == {}


def test_a_file_input_that_was_left_empty_is_no_file() -> None:
    assert file_of(body(part("file", b"", filename=""))) is None


def test_a_file_input_that_was_left_empty_is_not_in_the_way() -> None:
    sent = body(part("file", b"", filename=""), part("file", b"second", filename="b"))

    assert file_of(sent) == b"second"


def test_an_empty_file_with_a_name_is_a_file() -> None:
    assert file_of(body(part("file", b"", filename="empty.jpg"))) == b""


def test_an_empty_body_is_a_form_without_a_file() -> None:
    assert file_of(b"") is None


def test_a_file_name_may_have_any_letters() -> None:
    with closing(Reader()) as form_reader:
        form_reader.feed(body(part("file", b"x", filename="größe 写真.jpg")))
        form = form_reader.finish()

        assert form.file
        assert form.file.filename == "größe 写真.jpg"


def test_a_file_of_exactly_the_limit_is_taken() -> None:
    assert file_of(body(part("file", b"x" * 1000, filename="a"))) == b"x" * 1000


def test_a_file_over_the_limit_is_refused_before_its_end() -> None:  # OP-77
    with closing(Reader()) as form_reader, pytest.raises(errors.FileTooLarge) as refusal:
        form_reader.feed(part("file", b"x" * 1001, filename="a")[:-2])

    assert refusal.value.limit == 1000


@pytest.mark.parametrize("end", [10, 60, -len(BOUNDARY) - 6, -4, -3])
def test_a_body_that_is_cut_off_is_incomplete(end: int) -> None:
    with closing(Reader()) as form_reader:
        form_reader.feed(body(part("file", b"x" * 500, filename="a"))[:end])

        with pytest.raises(errors.UploadIncomplete):
            form_reader.finish()


def test_fields_are_limited_together() -> None:
    with closing(Reader()) as form_reader, pytest.raises(errors.BadInput, match="text fields"):
        form_reader.feed(part("a", b"x" * 40_000) + part("b", b"x" * 40_000))


def test_the_number_of_parts_is_limited() -> None:
    with closing(Reader()) as form_reader, pytest.raises(errors.BadInput, match="parts"):
        form_reader.feed(part("a", b"") * (multipart.MAX_PARTS + 1))


@pytest.mark.parametrize(
    "headers",
    [
        b"X: " + b"x" * (multipart.MAX_HEADER_SIZE + 1),
        b"X: x\r\n" * (multipart.MAX_HEADERS + 1),
        b"no colon",
    ],
)
def test_headers_of_a_part_are_limited(headers: bytes) -> None:
    with closing(Reader()) as form_reader, pytest.raises(errors.BadInput, match="cannot be read"):
        form_reader.feed(b"--%s\r\n%s\r\n\r\n" % (BOUNDARY, headers))


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/mixed; boundary=x",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
    ],
)
def test_another_content_type_is_refused(content_type: str) -> None:  # OP-11
    with pytest.raises(errors.WrongContentType):
        multipart.boundary(content_type)


def test_the_content_type_is_read_as_lenient_clients_write_it() -> None:
    assert multipart.boundary('Multipart/Form-Data; charset=utf-8; boundary="a b"') == b"a b"


def test_a_boundary_that_is_too_long_is_refused() -> None:
    with pytest.raises(errors.WrongContentType):
        Reader(b"x" * 5000)


def test_a_server_without_room_is_busy() -> None:
    with closing(FullReader()) as form_reader, pytest.raises(errors.Busy):
        form_reader.feed(part("file", b"x", filename="a"))


# Pieces that a form is made of, in any order, and any bytes between them.
_PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"--" + BOUNDARY,
                b"\r\n",
                b"--",
                b"\r\n--" + BOUNDARY,
                b'Content-Disposition: form-data; name="file"; filename="x"',
                b"Content-Disposition: form-data; name=to",
                b":",
                b" ",
                part("file", b"x", filename="a"),
                part("quality", b"80"),
            ]
        ),
        st.binary(max_size=40),
    ),
    max_size=12,
).map(b"".join)


@given(data=_PIECES, cuts=st.lists(st.integers(0, 300), max_size=6))
@example(data=b"--" + BOUNDARY + b"--", cuts=[])
def test_any_bytes_are_a_form_or_bad_input(data: bytes, cuts: list[int]) -> None:
    ends = [*sorted(cuts), len(data)]
    with closing(Reader()) as form_reader:
        try:
            for start, end in zip([0, *ends], ends, strict=False):
                form_reader.feed(data[start:end])
            form = form_reader.finish()
        except errors.BadInput:
            return

        assert all(isinstance(value, str) for value in form.fields.values())


@given(
    files=st.binary(max_size=300),
    fields=st.dictionaries(st.sampled_from(["to", "quality", "width"]), st.text(max_size=30)),
    cuts=st.lists(st.integers(0, 900), max_size=8),
)
def test_a_form_reads_the_same_however_it_is_cut(
    files: bytes, fields: dict[str, str], cuts: list[int]
) -> None:
    sent = body(
        *(part(name, value.encode()) for name, value in fields.items()),
        part("file", files, filename="a"),
    )
    ends = [*sorted(cuts), len(sent)]
    with closing(Reader()) as form_reader:
        for start, end in zip([0, *ends], ends, strict=False):
            form_reader.feed(sent[start:end])
        form = form_reader.finish()

        assert form.file
        assert form.file.blob.read() == files
        assert form.fields == fields
