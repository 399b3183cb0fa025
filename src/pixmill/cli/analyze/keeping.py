"""Words of a picture are kept: in its file, and beside it."""

import hashlib
from dataclasses import asdict, replace
from pathlib import Path

from pixmill import errors
from pixmill.cli import files
from pixmill.cli.analyze import sidecars
from pixmill.cli.analyze.sidecars import Place, Sidecar
from pixmill.cli.analyze.types import Image
from pixmill.cli.files import Read
from pixmill.engine.words import embed
from pixmill.engine.words.types import Words

#: A note: there are words for the file, but it cannot hold any.
NOT_EMBEDDED = "words_not_supported"


def embedded(image: Image, path: Path, read: Read) -> Image:
    """
    Write into the file *path* what is not in it; what it says else stays.

    Raises Conflict when it is no longer as it was *read*, OSError, and what `embed` raises for a
    file that is broken.
    """
    new = Words(
        **{name: getattr(image.words, name) for name, by in image.sources.items() if by != "file"}
    )
    try:
        made = embed(read.data, new)
    except errors.WordsNotSupported:
        return replace(image, notes=(*image.notes, NOT_EMBEDDED))
    if made.data == read.data:
        return image
    files.replace(path, made.data, was=read.status)
    assert image.facts is not None
    return replace(
        image,
        sha256=hashlib.sha256(made.data).hexdigest(),
        facts={
            **image.facts,
            "file_size": len(made.data),
            "words": asdict(new.over(Words(**image.facts["words"]))),
        },
        notes=(*image.notes, *made.notes),
        embedded=True,
    )


def with_sidecar(image: Image, place: Place, *, overwrite: bool) -> Image:
    """Write the sidecar of *image*. Raises Conflict where there is another file, and OSError."""
    if not overwrite:
        raise errors.Conflict("Its sidecar is of another picture; --overwrite replaces it.")
    assert image.sha256 is not None
    assert image.engine is not None
    assert image.facts is not None
    sidecar = Sidecar(sha256=image.sha256, engine=image.engine, words=image.words)
    # Its words are there to be edited, so they are there only once.
    facts = {name: value for name, value in image.facts.items() if name != "words"}
    sidecars.write(place, sidecar, facts)
    return replace(image, sidecar=str(Path(image.file).with_name(place.path.name)))
