"""Downloads the ZIP of a batch, and looks at everything that is inside."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import httpx
from PIL import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found in a ZIP."""

    size: int  #: bytes
    members: int
    distinct: int  #: names
    decoded: int  #: members that are whole pictures of the size that was sent


def download(client: httpx.Client, path: str, target: Path) -> None:
    """Write what is at *path* to *target*."""
    with client.stream("GET", path) as answer, target.open("wb") as file:
        answer.raise_for_status()
        for piece in answer.iter_bytes():
            file.write(piece)


def check(path: Path, *, size: tuple[int, int]) -> Checked:
    """Read every member of the ZIP at *path*; `zipfile` compares their checksums."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        decoded = sum(_is_picture(archive, name, size) for name in names)
    return Checked(
        size=path.stat().st_size, members=len(names), distinct=len(set(names)), decoded=decoded
    )


def _is_picture(archive: zipfile.ZipFile, name: str, size: tuple[int, int]) -> bool:
    with archive.open(name) as member, Image.open(member) as picture:
        picture.load()
        return picture.size == size
