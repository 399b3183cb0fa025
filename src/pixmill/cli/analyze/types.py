"""The words of an analysis: what is asked for, and what became of a picture."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pixmill.engine.words.types import Words

#: Who says something of a picture.
Source = Literal["sidecar", "file", "model"]

#: All that can be said, in the order in which people read it.
FIELDS = ("alt", "title", "caption", "description", "keywords", "copyright")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be done with each picture."""

    embed: bool
    sidecar: bool
    overwrite: bool
    previews: bool  #: they are kept, for a page


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What became of one file."""

    file: str
    sha256: str | None = None
    engine: str | None = None  #: who found the words: a model's name, or ``local``
    words: Words = field(default_factory=Words)
    sources: Mapping[str, Source] = field(default_factory=dict)  #: of each field that is said
    filename: str | None = None  #: that would suit it, without an extension
    facts: Mapping[str, Any] | None = (
        None  #: as in the server's answers, words in the file included
    )
    notes: tuple[str, ...] = ()
    embedded: bool = False  #: the file was changed
    sidecar: str | None = None  #: that was written
    error: str | None = None
    preview: bytes = field(default=b"", repr=False)

    @property
    def missing_alt(self) -> bool:
        """Whether no alternative text is kept: what a model only suggests is gone tomorrow."""
        if self.facts is None:
            return False
        kept = self.sources.get("alt") == "sidecar" or (self.sidecar and self.words.alt)
        return not (kept or self.facts["words"]["alt"])

    def plain(self) -> dict[str, Any]:
        """Return this for JSON."""
        return {
            "file": self.file,
            "sha256": self.sha256,
            "engine": self.engine,
            "words": asdict(self.words) if self.facts else None,
            "sources": dict(self.sources),
            "filename": self.filename,
            "facts": self.facts,
            "notes": list(self.notes),
            "embedded": self.embedded,
            "sidecar": self.sidecar,
            "missing_alt": self.missing_alt,
            "error": self.error,
        }


def merged(*said: tuple[Source, Words]) -> tuple[Words, dict[str, Source]]:
    """
    Return the words of all, of which the first goes before the others, and whose they are.

    What is in the file already is the file's, whoever else says so.
    """
    words, sources = Words(), dict[str, Source]()
    for source, layer in said:
        words = words.over(layer)
        sources |= {name: source for name in FIELDS if getattr(layer, name) and name not in sources}
    in_file = dict(said).get("file", Words())
    for name in sources:
        if getattr(words, name) == getattr(in_file, name):
            sources[name] = "file"
    return words, sources
