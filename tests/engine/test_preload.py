"""What a codec process needs is there before it locks itself in."""

import subprocess
import sys

from pixmill.engine.words import embed
from pixmill.engine.words.types import Words

from fixtures.pictures import animation, encode, graphic, photo, translucent

_CHILD = """
import sys
from pathlib import Path
from pixmill.engine.preload import preload
preload()
from pixmill.engine import codecs
from pixmill.engine.types import Limits, Options
from pixmill.engine.work import work
known = set(sys.modules)
for name in sys.argv[1:]:
    data = Path(name).read_bytes()
    work(data, None, Limits())
    for format_ in (*codecs.names(), "auto"):
        for asked in ({"smart": True}, {"mode": "max"}, {"metadata": "keep", "width": 20}):
            work(data, Options(format=format_, **asked), Limits())
print(*sorted(set(sys.modules) - known))
"""


def test_no_module_is_imported_by_a_picture(tmp_path):
    uploads = {
        "photo.jpg": encode(photo(80, 60), "JPEG", quality=95),
        "told.jpg": embed(
            encode(photo(80, 60), "JPEG"), Words(title="Füchse", keywords=("a",))
        ).data,
        "photo.tiff": encode(photo(80, 60), "TIFF"),
        "photo.bmp": encode(photo(40, 30), "BMP"),
        "drawing.png": encode(graphic(80, 60), "PNG"),
        "cmyk.jpg": encode(photo(40, 30).convert("CMYK"), "JPEG"),
        "alpha.webp": encode(translucent(40, 30), "WEBP"),
        "moving.gif": animation("GIF"),
        "moving.avif": animation("AVIF"),
    }
    for name, data in uploads.items():
        (tmp_path / name).write_bytes(data)
    files = [str(tmp_path / name) for name in uploads]

    child = subprocess.run(
        [sys.executable, "-c", _CHILD, *files], capture_output=True, text=True, check=True
    )

    assert child.stdout.split() == []
