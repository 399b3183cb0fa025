"""The words of the tools: what may be asked for, and what is answered."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from pixmill.cli.optimize.types import Row

#: Rows of one answer: whoever reads it has little room.
MOST_ROWS = 100

Format = Literal["same", "auto", "jpeg", "png", "webp", "avif", "gif", "jxl"]

Paths = Annotated[
    list[str],
    Field(
        min_length=1,
        max_length=100,
        description="Files, folders (with all below), or patterns such as images/**/*.png.",
    ),
]

Output = Annotated[
    str | None, Field(description="Folder for results, where the tree of a named folder is kept.")
]
InPlace = Annotated[
    bool, Field(description="Replace the pictures where that saves enough; there is no way back.")
]
Formats = Annotated[
    list[Format],
    Field(
        min_length=1,
        description="What to make of each picture: same is its own format, auto the smallest. "
        "Formats without same and auto may go beside the pictures: photo.webp beside photo.jpg.",
    ),
]
Quality = Annotated[int, Field(ge=1, le=100, description="Look, on one scale for all formats.")]
Target = Annotated[
    float | None, Field(ge=30, le=95, description="SSIMULACRA2 score to reach by measuring.")
]
MaxBytes = Annotated[
    int | None, Field(ge=1, description="Bytes of a result at most; the look is lowered for it.")
]
Side = Annotated[
    int | None, Field(ge=1, description="Pixels to fit within; pictures are never enlarged.")
]
DryRun = Annotated[bool, Field(description="Write nothing, and tell what would be done.")]

Language = Annotated[
    str | None, Field(description='Of a model\'s words, a tag such as "de" or "pt-BR".')
]
Embed = Annotated[bool, Field(description="Write the words into the pictures' files.")]
Sidecar = Annotated[bool, Field(description="Write NAME.EXT.json beside each picture.")]


class Optimized(BaseModel):
    """What became of pictures; *before* and *after* are bytes of what is new."""

    summary: str
    before: int
    after: int
    failed: int
    files: list[Row]  #: those that failed first, and then by what was saved
    left_out: int = Field(description="Files that are not listed, of those where least happened.")


class Inspected(BaseModel):
    """What a file is, by its header, and what could be saved."""

    file: str
    error: str | None = None
    format: str | None = None
    size: int | None = Field(default=None, description="Bytes.")
    width: int | None = Field(default=None, description="Pixels, as a viewer shows it.")
    height: int | None = None
    frames: int | None = None
    alpha: bool | None = None
    lossless: bool | None = None
    metadata: list[str] = Field(
        default=[], description="Of exif, xmp, iptc, comment, gps, profile."
    )
    could_be: dict[str, int] = Field(
        default={},
        description="Bytes that it would have in each format, where those are fewer.",
    )


class Inspections(BaseModel):
    """Each file, in the order in which they were named."""

    files: list[Inspected]
    left_out: int


class Analyses(BaseModel):
    """What pictures show, and who says so."""

    model: str | None
    note: str | None = Field(description="What to know about all of them.")
    images: list[dict[str, Any]] = Field(
        description="As `pixmill analyze --json`: words, their sources, facts."
    )
    left_out: int


class Used(BaseModel):
    """What the server's key was used for in a month."""

    period: str
    requests: int
    limit: int
    remaining: int
    reset_at: str
