"""What comes of an image."""

from dataclasses import dataclass, field

from pixmill.engine.types import How


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a caller gets for an image."""

    data: bytes = field(repr=False)
    format: str
    mime: str
    extension: str
    width: int
    height: int
    frames: int
    how: How
    score: float | None  #: SSIMULACRA2, where it was measured
    original_size: int  #: bytes of the upload
