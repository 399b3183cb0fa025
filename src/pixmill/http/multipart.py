"""A multipart/form-data body, taken apart piece by piece; who keeps its files is told of each."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal, Protocol

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from pixmill import errors
from pixmill.services.pool.blob import Blob

#: Bytes that all text fields of a form may have together.
FIELDS_SIZE = 64 * 1024
#: Parts of a form beside the files that are kept; headers of a part; bytes of a header.
MAX_PARTS = 100
MAX_HEADERS = 16
MAX_HEADER_SIZE = 8 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One uploaded file."""

    blob: Blob
    filename: str | None  #: as the caller sent it: nothing to open a file with


@dataclass(slots=True)
class Form:
    """What a form held."""

    file: Upload | None = None
    fields: dict[str, object] = field(default_factory=dict)


class Files(Protocol):
    """What keeps the files of one form (`pixmill.http.uploads`)."""

    def begin(self, field: str, filename: str | None) -> bool:
        """Hear that a file begins, and say whether it is wanted."""

    def write(self, data: bytes) -> None:
        """Take the next bytes of the file that is wanted."""

    def end(self) -> None:
        """Hear that it is whole."""


def add(fields: dict[str, object], name: str, value: str, *, lists: Collection[str] = ()) -> None:
    """
    Add a text field: to a list if it is called ``name[]``, as PHP's and other clients write them.

    Also to one without that, if it is among *lists*.
    """
    plain = name.removesuffix("[]")
    if plain == name and name not in lists:
        fields.setdefault(name, value)
        return
    listed = fields.setdefault(plain, [])
    if isinstance(listed, list):
        listed.append(value)


def boundary(content_type: str) -> bytes:
    """Return the boundary that the header names. Raises WrongContentType when there is none."""
    kind, options = parse_options_header(content_type)
    found = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not found:
        raise errors.WrongContentType
    return found


class FormReader:
    """
    Takes the pieces of one body: text goes into *fields*, files go to *files*.

    A part called by one of *file_fields* is a file, whether or not it has a file name (OP-39).
    Files called otherwise are dropped. Text fields called ``name[]``, or as one of *lists*, make a
    list; of others that are repeated, the first counts.
    """

    def __init__(
        self,
        boundary: bytes,
        *,
        file_fields: Collection[str],
        files: Files,
        lists: Collection[str] = (),
    ) -> None:
        self.fields: dict[str, object] = {}
        self._file_fields = file_fields
        self._files = files
        self._lists = lists
        self._parts = 0
        self._fields_size = 0
        self._started = False
        self._ended = False
        # The part that is being read.
        self._header_name = b""
        self._header_value = b""
        self._disposition = b""
        self._name = ""
        self._kind: Literal["file", "text", "dropped"] = "dropped"
        self._text = bytearray()
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_header_begin": self._begin_header,
                    "on_header_field": self._take_header_name,
                    "on_header_value": self._take_header_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._end_headers,
                    "on_part_data": self._take,
                    "on_part_end": self._end_part,
                    "on_end": self._end,
                },
                max_header_count=MAX_HEADERS,
                max_header_size=MAX_HEADER_SIZE,
            )
        except FormParserError as error:
            raise errors.WrongContentType(detail=str(error)) from error

    def feed(self, data: bytes) -> None:
        """Take the next piece. Raises BadInput, or what *files* raise."""
        self._started = self._started or bool(data)
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise errors.BadInput(
                "The multipart body cannot be read.", detail=str(error)
            ) from error

    def finish(self) -> None:
        """Hear that the body has ended. Raises UploadIncomplete when it is cut off."""
        if self._started and not self._ended:
            raise errors.UploadIncomplete

    def _begin_part(self) -> None:
        self._disposition = b""

    def _begin_header(self) -> None:
        self._header_name = self._header_value = b""

    def _take_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _take_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = self._header_value

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._disposition.decode("latin-1"))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        sent = options.get(b"filename")
        # PostgreSQL takes every other character in a text.
        filename = None if sent is None else sent.decode("utf-8", "replace").replace("\0", "")
        wanted = self._name in self._file_fields
        if wanted and self._files.begin(self._name, filename):
            self._kind = "file"  # how many of them there may be is for others to say
            return
        self._kind = "dropped" if wanted or filename is not None else "text"
        self._text.clear()
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise errors.BadInput(f"The form has more than {MAX_PARTS} parts.")

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._kind == "file":
            self._files.write(data[start:end])
        elif self._kind == "text":
            self._fields_size += end - start
            if self._fields_size > FIELDS_SIZE:
                raise errors.BadInput(f"The text fields have more than {FIELDS_SIZE} bytes.")
            self._text += data[start:end]

    def _end_part(self) -> None:
        if self._kind == "file":
            self._files.end()
        elif self._kind == "text":
            text = self._text.decode("utf-8", "replace")
            add(self.fields, self._name, text, lists=self._lists)

    def _end(self) -> None:
        self._ended = True
