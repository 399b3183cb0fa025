"""The Action and the hooks do in a repository what docs/builds.md says."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import optimizing

from fixtures.pictures import encode, graphic, photo
from fixtures.servers import environment

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())


def run(*command: object, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env=environment() | {"PATH": f"{BIN}:{os.environ['PATH']}"} | env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def git(repository: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    done = run("git", *who, *arguments, cwd=repository)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Give a clone with two pictures, one with a name that a shell or git would make much of."""
    origin, clone = tmp_path / "origin.git", tmp_path / "clone"
    subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", origin], check=True)
    subprocess.run(["git", "clone", "--quiet", origin, clone], check=True, capture_output=True)
    (clone / "images").mkdir()
    (clone / "images" / "a.jpg").write_bytes(encode(photo(), "JPEG", quality=95))
    (clone / "images" / "$(touch b) :(top).png").write_bytes(encode(graphic(), "PNG"))
    (clone / "text.txt").write_text("text")
    git(clone, "checkout", "--quiet", "-B", "main")
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "--message", "First")
    git(clone, "push", "--quiet", "--set-upstream", "origin", "main")
    return clone


def contents(repository: Path) -> dict[str, bytes]:
    found = optimizing.contents(repository)
    return {name: data for name, data in found.items() if not name.startswith(".git/")}


@dataclass(frozen=True)
class Ran:
    """What came of an Action."""

    code: int
    outputs: dict[str, str]
    summary: str
    log: str


def act(repository: Path, **inputs: str) -> Ran:
    """
    Run the Action's own steps in *repository* as a runner does.

    Not the installation: the tests' environment stands where it would be. What the steps of other
    Actions do, Python and the cache between runs, is in RUNNER_TEMP already.
    """
    temp = repository.parent / "temp"
    temp.mkdir(exist_ok=True)
    if not (temp / "pixmill").exists():
        (temp / "pixmill").symlink_to(BIN.parent)
    values = {name: each["default"] for name, each in ACTION["inputs"].items()}
    values |= {name.replace("_", "-"): value for name, value in inputs.items()}
    files = {name: temp / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for path in files.values():
        path.write_text("")
    code, log = 0, ""
    for step in STEPS:
        if "run" not in step or step.get("id") == "install":
            continue
        if step.get("if") and values["mode"] != "commit":
            continue
        env = {name: filled(text, values) for name, text in step["env"].items()}
        script = temp / "script"
        script.write_text(step["run"])
        done = run(
            *("bash", "--noprofile", "--norc", "-eo", "pipefail", script),
            cwd=repository,
            **env,
            **{name: str(path) for name, path in files.items()},
            RUNNER_TEMP=str(temp),
            PATH="/usr/bin:/bin",
        )
        log += done.stdout + done.stderr
        code = done.returncode
        if code:
            break
    lines = files["GITHUB_OUTPUT"].read_text().splitlines()
    return Ran(
        code=code,
        outputs=dict(line.split("=", 1) for line in lines),
        summary=files["GITHUB_STEP_SUMMARY"].read_text(),
        log=log,
    )


def filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: values[found[1]], text)


@pytest.mark.parametrize(
    ("schema", "path"),
    [("github-actions", "action.yml"), ("compose-spec", "deploy/compose.yaml")],
)
def test_the_files_are_as_their_schemas_say(schema, path):
    done = run(
        BIN / "check-jsonschema", "--builtin-schema", f"vendor.{schema}", ROOT / path, cwd=ROOT
    )

    assert done.returncode == 0, done.stdout


def test_nothing_from_outside_is_in_a_script():
    for step in STEPS:
        assert "${{" not in step.get("run", ""), step["name"]
    given = re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text())
    assert set(given) == set(ACTION["inputs"])


def test_what_is_installed_is_pinned():
    [step] = [step for step in STEPS if step.get("id") == "install"]

    installs = [line for line in step["run"].splitlines() if line.startswith('"${pip[@]}"')]
    assert "--require-hashes" in installs[0]
    assert (ROOT / "requirements" / "demo.txt").exists()
    assert "requirements/demo.txt" in installs[0]
    assert "--no-deps --no-build-isolation" in installs[1]
    assert len(installs) == 2


def test_a_build_fails_until_pictures_are_as_small_as_they_can_be(repository):
    before = contents(repository)

    check = act(repository)
    unchanged = contents(repository)
    write = act(repository, mode="write", quality="70")
    again = act(repository, quality="70")

    assert check.code == 1, check.log
    assert "::error::" in check.log
    assert int(check.outputs["files"]) == 2
    assert int(check.outputs["saved-bytes"]) > 1000
    assert "images/a.jpg" in check.summary
    assert unchanged == before
    assert write.code == 0, write.log
    after = contents(repository)
    saved = sum(map(len, before.values())) - sum(map(len, after.values()))
    assert int(write.outputs["saved-bytes"]) == saved
    assert again.code == 0, again.log
    assert again.outputs == {"files": "0", "saved-bytes": "0"}
    assert set(after) == set(before)


def test_results_are_committed_and_pushed_and_nothing_else(repository):
    (repository / "text.txt").write_text("changed by another step")
    (repository / "images" / "broken.txt").write_text("new")
    call = {"mode": "commit", "format": "webp", "min_savings": "1%", "message": "Smaller $(date)"}

    first = act(repository, **call, paths="images/a.jpg\n\nimages/$(touch b) :(top).png\n")
    second = act(repository, **call, paths="images")

    assert first.code == 0, first.log
    assert second.code == 0, second.log
    assert second.outputs["files"] == "0"
    shown = git(repository, "log", "-z", "--name-only", "--format=%s", "origin/main", "-1")
    message, *names = shown.replace("\n", "\0").strip("\0").split("\0")
    assert message == "Smaller $(date)"
    assert sorted(filter(None, names)) == ["images/$(touch b) :(top).webp", "images/a.webp"]
    assert git(repository, "log", "--oneline", "origin/main").count("\n") == 2
    assert not (repository / "b").exists()


def test_what_the_repository_says_itself_holds(repository):
    (repository / "pixmill.toml").write_text('[optimize]\noutput = "out"\nexclude = ["*.png"]\n')
    (repository / ".pixmill-cache.json").write_text("")

    done = act(repository, mode="write")
    named = act(repository, mode="write", output="--elsewhere", target="60")

    assert done.code == 0, done.log
    assert (repository / "out" / "images" / "a.jpg").exists()
    assert named.code == 0, named.log
    assert (repository / "--elsewhere" / "images" / "a.jpg").exists()
    assert (repository / ".pixmill-cache.json").stat().st_size
    assert not (repository.parent / "temp" / "pixmill-cache.json").exists()


@pytest.mark.parametrize(
    "wrong", [{"mode": "all"}, {"quality": "1; touch b"}, {"format": "$(touch b)"}, {"paths": ""}]
)
def test_a_wrong_input_fails_and_is_not_run(repository, wrong):
    before = contents(repository)

    done = act(repository, **wrong)

    assert done.code == 2, done.log
    assert contents(repository) == before


def test_the_hooks_are_as_pre_commit_wants_them(tmp_path):
    path = ROOT / ".pre-commit-hooks.yaml"
    done = run(BIN / "pre-commit", "validate-manifest", path, cwd=tmp_path)

    assert done.returncode == 0, done.stdout
    assert all(hook["require_serial"] for hook in HOOKS)


def test_a_commit_is_stopped_until_pictures_are_smaller(repository):
    # Installed as it is here: what pre-commit would build from the repository takes minutes.
    hooks = [{**hook, "language": "system"} for hook in HOOKS]
    configuration = {"repos": [{"repo": "local", "hooks": hooks}]}
    (repository / ".pre-commit-config.yaml").write_text(yaml.safe_dump(configuration))
    (repository / "notes.jpg.txt").write_text("no picture")
    git(repository, "add", ".")
    before = contents(repository)

    def hook(name: str) -> subprocess.CompletedProcess[str]:
        home = str(repository.parent / "home")
        arguments = ("run", name, "--all-files", "--verbose")
        return run("pre-commit", *arguments, cwd=repository, PRE_COMMIT_HOME=home)

    check = hook("pixmill-check")
    unchanged = contents(repository)
    fix = hook("pixmill")
    after = contents(repository)
    again = [hook("pixmill"), hook("pixmill-check")]

    assert check.returncode == 1, check.stdout
    assert "exit code: 1" in check.stdout
    assert "to be optimized" in check.stdout
    assert unchanged == before
    assert fix.returncode == 1
    assert "files were modified by this hook" in fix.stdout
    assert len(after["images/a.jpg"]) < len(before["images/a.jpg"])
    assert {name for name in after if after[name] != before[name]} == {
        *("images/a.jpg", "images/$(touch b) :(top).png")
    }
    assert [done.returncode for done in again] == [0, 0], again
    assert contents(repository) == after
