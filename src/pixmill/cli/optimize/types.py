"""The words of `pixmill optimize`: what is asked for, which files, and what became of them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

#: As `pixmill.engine.types.Mode`, which is not imported because all of the engine comes with it.
Mode = Literal["size", "balanced", "quality", "max", "lossless"]

#: As `pixmill.engine.types.Metadata`.
Metadata = Literal["strip", "keep"]

#: Where results go. ``folder``: into a tree of their own. ``here``: in place of the pictures.
#: ``suffix``: beside them, under another name. ``beside``: beside them, by their new extension.
Kind = Literal["folder", "here", "suffix", "beside"]

#: What became of a picture in one format. ``written``: there is a new file. ``pending``: there
#: would be, but nothing is to be written. ``skipped``: the picture is better as it is.
#: ``cached``: all of that was found out before, and nothing has changed. ``failed``: see the error.
Status = Literal["written", "pending", "skipped", "cached", "failed"]

#: Said as a format: the picture's own.
SAME = "same"
AUTO = "auto"

#: The formats that can be written, and how their files' names end.
EXTENSIONS = {
    "jpeg": "jpg",
    "png": "png",
    "webp": "webp",
    "avif": "avif",
    "gif": "gif",
    "jxl": "jxl",
}

#: What `AUTO` may choose from.
CHOICES = ("jpeg", "png", "webp", "avif", "gif")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What results should be; the names are those of `pixmill.engine.types.Options`."""

    quality: int = 80
    smart: bool = False
    target: float | None = None
    mode: Mode | None = None
    max_bytes: int | None = None
    lossless: bool = False
    metadata: Metadata = "strip"
    width: int | None = None
    height: int | None = None
    accept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where results go."""

    kind: Kind
    folder: Path | None = None  #: of ``folder``
    suffix: str = ""  #: of ``suffix``: what is put before the extension


@dataclass(frozen=True, slots=True, kw_only=True)
class Savings:
    """What a result must save at least, both of it, to be worth a new file."""

    share: float = 0.0  #: of the bytes that there were
    size: int = 0  #: bytes

    def met(self, before: int, after: int) -> bool:
        """Say whether *after* bytes in place of *before* are worth it."""
        saved = before - after
        return saved >= self.size and saved >= self.share * before


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be done with all pictures."""

    look: Look
    formats: tuple[str, ...]
    place: Place
    savings: Savings
    writes: bool = True  #: else it is only found out what would be written
    force: bool = False  #: also what was done before
    keep_dates: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file that is meant."""

    name: str  #: as somebody has named it, or its folder
    path: Path  #: behind all links
    relative: Path  #: where it is in its tree
    error: str | None = None  #: why there is nothing to read


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was made of a picture in one format."""

    data: bytes = field(repr=False)
    format: str
    how: str
    score: float | None
    resized: bool  #: the result has fewer pixels than the picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What became of a picture in one format."""

    format: str  #: that came out, or else that was asked for
    status: Status
    file: str | None = None  #: that was written, would be, or is there already
    before: int = 0
    after: int | None = None  #: bytes of the result, kept or not
    how: str | None = None
    score: float | None = None
    reason: str | None = None  #: why it was ``skipped``: ``larger``, ``min_savings``, ``same_file``
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of one picture."""

    file: str
    outputs: tuple[Output, ...] = ()
    error: str | None = None

    @property
    def failed(self) -> bool:
        """Whether anything about it has failed."""
        return self.error is not None or any(each.error for each in self.outputs)

    def plain(self) -> dict[str, Any]:
        """Return this for JSON."""
        outputs = [
            {name: getattr(each, name) for name in Output.__dataclass_fields__}
            for each in self.outputs
        ]
        return {"file": self.file, "outputs": outputs, "error": self.error}
