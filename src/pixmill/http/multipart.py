"""A multipart/form-data body, taken apart piece by piece; its file goes straight into a blob."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from pixmill import errors
from pixmill.services.pool.blob import Blob

#: Bytes that all text fields of a form may have together.
FIELDS_SIZE = 64 * 1024
#: Parts of a form; headers of a part; bytes of a header.
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


def add(fields: dict[str, object], name: str, value: str) -> None:
    """Add a text field: ``name[]`` to a list, as PHP's and other clients write them."""
    if not name.endswith("[]"):
        fields.setdefault(name, value)
        return
    listed = fields.setdefault(name[:-2], [])
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
    Takes the pieces of one body and makes a form of them.

    The first part called by one of *file_fields* is the file, whether or not it has a file name
    (OP-38, OP-39). *spend* hears of its bytes before they are kept. Other files are dropped. Text
    fields called ``name[]`` make a list; of others that are repeated, the first counts.
    """

    def __init__(
        self,
        boundary: bytes,
        *,
        file_fields: Collection[str],
        max_file_size: int,
        spend: Callable[[int], None],
    ) -> None:
        self.form = Form()
        self._file_fields = file_fields
        self._max_file_size = max_file_size
        self._spend = spend
        self._parts = 0
        self._fields_size = 0
        self._started = False
        self._ended = False
        # The part that is being read.
        self._header_name = b""
        self._header_value = b""
        self._disposition = b""
        self._name = ""
        self._text = bytearray()
        self._take: Callable[[bytes], None] = self._drop
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
                    "on_part_data": lambda data, start, end: self._take(data[start:end]),
                    "on_part_end": self._end_part,
                    "on_end": self._end,
                },
                max_header_count=MAX_HEADERS,
                max_header_size=MAX_HEADER_SIZE,
            )
        except FormParserError as error:
            raise errors.WrongContentType(detail=str(error)) from error

    def feed(self, data: bytes) -> None:
        """Take the next piece. Raises BadInput, and FileTooLarge as soon as that is certain."""
        self._started = self._started or bool(data)
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise errors.BadInput(
                "The multipart body cannot be read.", detail=str(error)
            ) from error

    def finish(self) -> Form:
        """Return the form; the body has ended. Raises UploadIncomplete when it is cut off."""
        if self._started and not self._ended:
            raise errors.UploadIncomplete
        upload = self.form.file
        if upload:
            upload.blob.seal()
            if upload.filename == "" and not upload.blob.size:
                # What a browser sends for a file input that was left empty.
                self.close()
        return self.form

    def close(self) -> None:
        """Give the memory of the file back."""
        if self.form.file:
            self.form.file.blob.close()
            self.form.file = None

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise errors.BadInput(f"The form has more than {MAX_PARTS} parts.")
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
        filename = None if sent is None else sent.decode("utf-8", "replace")
        if self._name in self._file_fields and not self.form.file:
            self.form.file = Upload(blob=Blob(), filename=filename)
            self._take = self._keep
        elif filename is not None or self._name in self._file_fields:
            self._take = self._drop
        else:
            self._text.clear()
            self._take = self._read

    def _keep(self, data: bytes) -> None:
        assert self.form.file
        blob = self.form.file.blob
        if blob.size + len(data) > self._max_file_size:
            raise errors.FileTooLarge(limit=self._max_file_size)
        self._spend(len(data))
        try:
            blob.write(data)
        except OSError as error:
            raise errors.Busy from error

    def _read(self, data: bytes) -> None:
        self._fields_size += len(data)
        if self._fields_size > FIELDS_SIZE:
            raise errors.BadInput(f"The text fields have more than {FIELDS_SIZE} bytes.")
        self._text += data

    def _drop(self, data: bytes) -> None:
        """Let *data* go."""

    def _end_part(self) -> None:
        if self._take == self._read:
            add(self.form.fields, self._name, self._text.decode("utf-8", "replace"))

    def _end(self) -> None:
        self._ended = True
