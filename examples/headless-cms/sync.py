"""Keeps variants of a CMS's pictures in a folder, made by a Pixmill server."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from pixmill.client import Pixmill, PixmillError, Unauthorized

WIDTHS = (480, 960, 1600)
FORMATS = ("avif", "webp")
TARGET = 70.0

#: Names of files are made of it.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def sync(assets: list[dict[str, Any]], folder: Path, pixmill: Pixmill) -> list[str]:
    """Make *folder* fit what is said of *assets*, and return what went wrong."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text()) if path.exists() else {}
    failures = []
    for asset in assets:
        try:
            _sync_one(asset, folder, manifest, pixmill)
        except Unauthorized:
            raise
        except (PixmillError, ValueError) as error:
            failures.append(f"{asset.get('id')}: {error}")
        else:
            write(path, json.dumps(manifest, indent=2, sort_keys=True).encode())
    return failures


def _sync_one(
    asset: dict[str, Any], folder: Path, manifest: dict[str, Any], pixmill: Pixmill
) -> None:
    id_ = str(asset.get("id"))
    if not _ID.fullmatch(id_):
        raise ValueError("An id has letters, digits, - and _.")
    known = manifest.get(id_, {"variants": []})
    wanted = {"url": asset.get("url"), "version": asset.get("version"), "look": _look()}
    variants: list[dict[str, Any]] = []
    if not asset.get("deleted"):
        there = all((folder / each["file"]).exists() for each in known["variants"])
        if there and known.get("of") == wanted:
            return
        variants = _made(id_, str(asset["url"]), folder, pixmill)
        manifest[id_] = {"of": wanted, "variants": variants}
    else:
        manifest.pop(id_, None)
    for gone in {each["file"] for each in known["variants"]} - {each["file"] for each in variants}:
        (folder / gone).unlink(missing_ok=True)


def _made(id_: str, url: str, folder: Path, pixmill: Pixmill) -> list[dict[str, Any]]:
    made = {}
    for format_ in FORMATS:
        for width in WIDTHS:
            result = pixmill.optimize(url, format=format_, width=width, target=TARGET)
            name = f"{id_}-{result.width}.{result.format}"
            made[name] = result
            if result.width < width:
                break  # it has no more pixels
    for name, result in made.items():
        write(folder / name, result.data)
    return [
        {"file": name, "width": each.width, "height": each.height, "bytes": len(each.data)}
        for name, each in made.items()
    ]


def _look() -> str:
    """Return what is another when variants have to be made anew."""
    return f"{','.join(FORMATS)} {','.join(map(str, WIDTHS))} {TARGET}"


def write(path: Path, data: bytes) -> None:
    """Write *data* so that nobody sees half of it, unless that is what is there."""
    if path.exists() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    part.replace(path)


def main() -> None:
    """Read what the CMS says from stdin."""
    if len(sys.argv) != 2:
        sys.exit("usage: sync.py FOLDER < assets.json")
    assets = json.load(sys.stdin)["assets"]
    key = os.environ.get("PIXMILL_API_KEY")
    with Pixmill(os.environ.get("PIXMILL_SERVER", "http://127.0.0.1:8080"), key) as pixmill:
        failures = sync(assets, Path(sys.argv[1]), pixmill)
    for failure in failures:
        print(failure, file=sys.stderr)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
