"""The rules of ARCHITECTURE.md hold, and would be seen to break."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LONGEST_MODULE = 400

#: (module, a line that must not be there, the contract that says so)
VIOLATIONS = [
    ("pixmill/engine/plan.py", "import pixmill.services.keys", "Imports only go down"),
    ("pixmill/services/quotas.py", "import pixmill.http.fields", "Imports only go down"),
    ("pixmill/stores/keys.py", "import pixmill.engine.plan", "Imports only go down"),
    ("pixmill/loose.py", "x = 1", "Imports only go down"),
    (
        "pixmill/engine/codecs/webp.py",
        "import pixmill.engine.codecs.avif",
        "Codecs do not know each other",
    ),
    ("pixmill/engine/decode.py", "import os", "The engine is pure"),
    (
        "pixmill/services/usage.py",
        "import starlette.responses",
        "Services and stores do not speak HTTP",
    ),
    (
        "pixmill/http/fields.py",
        "import pixmill.engine.codecs",
        "Surfaces do not touch stores or pixels",
    ),
]


@pytest.mark.parametrize(("module", "line", "contract"), VIOLATIONS)
def test_a_violation_breaks_its_contract(module, line, contract, tmp_path):
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "src" / module).open("a") as file:
        file.write(f"\n{line}\n")

    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "src"), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{contract} BROKEN" in done.stdout


def test_no_module_is_longer_than_a_reader_wants():
    for path in (ROOT / "src").rglob("*.py"):
        lines = len(path.read_text().splitlines())
        assert lines <= LONGEST_MODULE, f"{path.relative_to(ROOT)} has {lines} lines"


def test_no_module_has_a_name_that_says_nothing():
    vague = {"utils", "helpers", "common", "core", "manager", "misc"}
    names = {path.stem for path in (ROOT / "src").rglob("*.py")}

    assert not names & vague


def test_the_environment_is_read_in_one_place():
    readers = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src").rglob("*.py")
        if "os.environ" in path.read_text() or "getenv" in path.read_text()
    }

    assert readers <= {"pixmill/settings.py"}
