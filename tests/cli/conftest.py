"""A model that answers, and a folder of pictures."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.analyzing import ALT
from pixmill.engine import words
from pixmill.engine.words.types import Words
from services.vision.server import Script, serving

from fixtures.pictures import encode, exif, graphic, photo


@pytest.fixture
def model() -> Iterator[Script]:
    with serving() as script:
        yield script


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "deep").mkdir(parents=True)
    (folder / "plain.jpg").write_bytes(encode(photo(), "JPEG", exif=exif(gps=True)))
    told = words.embed(encode(graphic(), "PNG"), Words(alt=ALT)).data
    (folder / "deep" / "told.PNG").write_bytes(told)
    return folder
