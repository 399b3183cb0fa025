"""What exported files are called: as somebody says, or as the picture was, each name once."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from pixmill.services.sessions.types import Picture, Texts, load_texts
from pixmill.services.vision.filenames import LENGTH, slug, unique

#: What no name keeps: it may be part of a path, of a header or of a script.
_UNSAFE = re.compile(r"[^\w.,()\[\]+=@ -]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A picture that a run is for, and what was said of it with the order."""

    picture: Picture
    texts: Texts | None = None


def bases(chosen: Sequence[Chosen], taken: Mapping[str, str]) -> list[str]:
    """
    Return what the files of each picture are called, without suffix and extension (PO-67, PO-68).

    *taken* are names of files that there are, each with its picture: those of other pictures are
    not given once more (PO-82).
    """
    mine = {each.picture.id for each in chosen}
    others = [PurePosixPath(name).stem for name, picture in taken.items() if picture not in mine]
    return unique([_base(each) for each in chosen], taken=others)


def _base(chosen: Chosen) -> str:
    texts = chosen.texts or load_texts(chosen.picture.words)
    if texts and texts.filename and (name := slug(texts.filename)):
        return name
    stem = PurePosixPath(chosen.picture.filename.replace("\\", "/")).stem
    return _UNSAFE.sub("", stem)[:LENGTH].strip(" .") or chosen.picture.id
