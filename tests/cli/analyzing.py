"""`pixmill analyze`, run as a person runs it, with a model behind a real server."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from services.vision.server import KEY, MODEL, Script

#: What the picture ``deep/told.PNG`` says of itself.
ALT = 'A <b>"kite"</b> & its tail 🪁'


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "pixmill", "analyze", *map(str, arguments)]


def analyze(
    *arguments: object, cwd: Path, model: Script | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        cwd=cwd,
        env=environment(model),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **options,
    )


def environment(model: Script | None) -> dict[str, str]:
    if model is None:
        return dict(os.environ)
    return {
        **os.environ,
        "PIXMILL_VISION_URL": model.base_url,
        "PIXMILL_VISION_MODEL": MODEL,
        "PIXMILL_VISION_API_KEY": KEY,
    }


def images(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return list(json.loads(done.stdout)["images"])


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
