"""What the servers are asked to do, and with which pictures."""

import zlib
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

#: Each server gets the same number. What it makes of it is its own: see bytes and score.
QUALITY = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One thing to be done to a picture."""

    format: str
    width: int | None = None  #: of the result; None leaves the size alone
    quality: int = QUALITY

    def __str__(self) -> str:
        """Return it as a table has it."""
        return f"{self.width} px {self.format}" if self.width else self.format


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An upload, which also lies in the folder that the peers serve from."""

    name: str
    data: bytes


def gather(files: list[Path], folder: Path, *, width: int) -> list[Picture]:
    """Copy those of *files* that are wider than *width* into *folder*, under plain names."""
    pictures: list[Picture] = []
    for path in files:
        with Image.open(path) as image:
            if image.width <= width:
                continue
            name = f"{len(pictures)}.{'jpg' if image.format == 'JPEG' else 'png'}"
        data = path.read_bytes()
        (folder / name).write_bytes(data)
        pictures.append(Picture(name=name, data=data))
    return pictures


def stamped(data: bytes, number: int) -> bytes:
    """Return the JPEG or PNG *data* with *number* in a comment: no cache has seen that file."""
    text = b"run %d" % number
    if data.startswith(b"\xff\xd8"):
        return data[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + data[2:]
    chunk = b"tEXtComment\0" + text
    size, check = (len(chunk) - 4).to_bytes(4, "big"), zlib.crc32(chunk).to_bytes(4, "big")
    return data[:33] + size + chunk + check + data[33:]  # behind the signature and IHDR
