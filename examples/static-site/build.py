"""Builds the site: pictures in several formats, and pages that offer them."""

import html
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

SITE = Path(__file__).resolve().parent
PICTURES, PAGES, PUBLIC = SITE / "images", SITE / "pages", SITE / "public"

#: What browsers are told of files by their endings.
TYPES = {".avif": "image/avif", ".webp": "image/webp"}

_IMG = re.compile(r"<img\b(?:[^>\"']|\"[^\"]*\"|'[^']*')*>", re.IGNORECASE)


def optimize() -> dict[str, list[Path]]:
    """Make all pictures, and return for each what else it may be had as, the smallest first."""
    command = [os.environ.get("PIXMILL", "pixmill"), "optimize", "images", "--json"]
    done = subprocess.run(command, cwd=SITE, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    offered = {}
    for picture in json.loads(done.stdout)["files"]:
        source = SITE / picture["file"]
        made = sorted(picture["outputs"], key=lambda output: output["after"])
        files = [SITE / output["file"] for output in made if output["file"]]
        target = PUBLIC / source.relative_to(SITE)
        if target not in files:
            write(target, source.read_bytes())  # nothing of its own format is smaller
        offered[source.relative_to(SITE).as_posix()] = [
            file for file in files if file.suffix in TYPES
        ]
    return offered


def rewritten(page: str, offered: dict[str, list[Path]]) -> str:
    """Return *page* with a choice around each picture of which there are other formats."""

    def replace(found: re.Match[str]) -> str:
        files = offered.get(_attributes(found[0]).get("src") or "", [])
        sources = "".join(
            f'<source srcset="{html.escape(file.relative_to(PUBLIC).as_posix())}"'
            f' type="{TYPES[file.suffix]}">'
            for file in files
        )
        return f"<picture>{sources}{found[0]}</picture>" if sources else found[0]

    return _IMG.sub(replace, page)


def write(path: Path, data: bytes) -> None:
    """Write *data*, unless that is what is there."""
    if not path.exists() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _attributes(tag: str) -> dict[str, Any]:
    found: dict[str, Any] = {}

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            del tag
            found.update(attrs)

    Reader().feed(tag)
    return found


def main() -> None:
    """Build everything that is not there yet."""
    if not PICTURES.is_dir():
        sys.exit("Put some pictures into images/ first.")
    offered = optimize()
    for page in sorted(PAGES.rglob("*.html")):
        text = rewritten(page.read_text("utf-8"), offered)
        write(PUBLIC / page.relative_to(PAGES), text.encode())


if __name__ == "__main__":
    main()
