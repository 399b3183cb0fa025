"""The programs in examples/ do what their READMEs say, and nothing the second time."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pixmill.client import Pixmill

from fixtures.origins import Origin
from fixtures.pictures import decoded, encode, graphic, photo
from fixtures.servers import RunningServer, environment

EXAMPLES = Path(__file__).parent.parent / "examples"


def states(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return all files, each with its content and when it was written."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    shutil.copytree(EXAMPLES / "static-site", site)
    (site / "images" / "maps").mkdir(parents=True)
    (site / "images" / "beach.jpg").write_bytes(encode(photo(640, 480), "JPEG", quality=95))
    (site / "images" / "maps" / "way.png").write_bytes(encode(graphic(), "PNG"))
    # Nothing of the same look is smaller than this one pixel.
    (site / "images" / "dot.gif").write_bytes(encode(Image.new("P", (1, 1)), "GIF"))
    return site


def make(site: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    return subprocess.run(
        ["make"],
        cwd=site,
        env=environment({"PATH": path}),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_site_offers_its_pictures_in_every_format_that_is_smaller(site):
    first = make(site)
    built = states(site / "public")
    second = make(site)
    again = states(site / "public")
    (site / "images" / "beach.jpg").write_bytes(encode(photo(640, 480, seed=3), "JPEG", quality=95))
    third = make(site)

    assert first.returncode == 0, first.stderr
    assert second.returncode == 0, second.stderr
    assert again == built
    assert {"images/beach.jpg", "images/beach.webp", "images/beach.avif", "index.html"} < set(built)
    # It is there even if it could not be made smaller.
    assert built["images/dot.gif"][0] == (site / "images" / "dot.gif").read_bytes()
    page = built["index.html"][0].decode()
    sizes = {ending: len(built[f"images/beach.{ending}"][0]) for ending in ("webp", "avif")}
    for ending in sorted(sizes, key=lambda each: sizes[each]):
        source = f'<source srcset="images/beach.{ending}" type="image/{ending}">'
        assert source in page
        page = page[page.index(source) :]
    assert '<img src="images/beach.jpg" alt="A beach" width="640" height="480"' in page
    assert '<p><img src="https://example.com/elsewhere.jpg" alt="From elsewhere"></p>' in page
    assert page.count("<picture>") + page.count("</picture>") <= 4
    assert third.returncode == 0
    changed = states(site / "public")
    assert {name for name in built if changed[name] != built[name]} == {
        *("images/beach.jpg", "images/beach.webp", "images/beach.avif")
    }


def test_a_site_with_a_broken_picture_is_not_built(site):
    (site / "images" / "beach.jpg").write_bytes(b"no picture")

    done = make(site)

    assert done.returncode != 0
    assert "images/beach.jpg" in done.stderr
    assert not (site / "public" / "index.html").exists()


def sync(
    folder: Path, assets: list[dict[str, Any]], server: RunningServer, key: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, EXAMPLES / "headless-cms" / "sync.py", folder],
        input=json.dumps({"assets": assets}),
        env=environment({"PIXMILL_SERVER": server.base_url, "PIXMILL_API_KEY": key}),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_variants_follow_what_a_cms_says(
    tmp_path: Path, fetching_server: RunningServer, origin: Origin
):
    key = fetching_server.key()
    large = origin.picture(encode(photo(700, 500), "JPEG", quality=95))
    small = origin.picture(encode(photo(200, 100), "JPEG", quality=95))
    hero = {"id": "hero", "url": large, "version": 1}
    icon = {"id": "icon", "url": small, "version": 1}
    wrong = [
        {"id": "gone", "url": origin.failing()},
        {"id": "../up", "url": small},
        {"id": "local", "url": "file:///etc/passwd"},
    ]
    folder = tmp_path / "public"

    def requests() -> int:
        with Pixmill(fetching_server.base_url, key) as client:
            return client.usage().requests

    first = sync(folder, [hero, *wrong, icon], fetching_server, key)
    made, charged = states(folder), requests()
    second = sync(folder, [hero, icon], fetching_server, key)
    again, charged_again = states(folder), requests()
    newer = {**hero, "url": small, "version": 2}
    third = sync(folder, [newer, {"id": "icon", "deleted": True}], fetching_server, key)
    refused = sync(folder, [hero], fetching_server, "wrong")

    assert first.returncode == 1
    assert [line.split(":")[0] for line in first.stderr.splitlines()] == ["gone", "../up", "local"]
    assert set(made) == {
        *("hero-480.avif", "hero-480.webp", "hero-700.avif", "hero-700.webp"),
        *("icon-200.avif", "icon-200.webp", "manifest.json"),
    }
    assert decoded(made["hero-700.webp"][0]).size == (700, 500)
    manifest = json.loads(made["manifest.json"][0])
    assert [each["file"] for each in manifest["icon"]["variants"]] == [
        *("icon-200.avif", "icon-200.webp")
    ]
    assert second.returncode == 0, second.stderr
    assert again == made
    assert charged_again == charged
    assert third.returncode == 0, third.stderr
    assert set(states(folder)) == {"hero-200.avif", "hero-200.webp", "manifest.json"}
    assert refused.returncode == 1
    assert set(states(folder)) == {"hero-200.avif", "hero-200.webp", "manifest.json"}
    assert not (tmp_path / "up-200.avif").exists()
