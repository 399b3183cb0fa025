"""What all commands have in common."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

import pixmill
from pixmill import errors
from pixmill.cli import COMMANDS, app

#: Libraries that take long to import, and that ``--help`` has no use for.
HEAVY = {"sqlalchemy", "pydantic", "pyvips", "fastapi", "granian", "numpy"}


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``pixmill`` as a shell does."""
    return subprocess.run(
        [sys.executable, "-m", "pixmill", *arguments],
        capture_output=True,
        check=False,
        env={"PATH": os.environ["PATH"], **variables},
        text=True,
    )


def test_the_help_names_every_command() -> None:
    done = CliRunner().invoke(app, ["--help"])

    assert done.exit_code == 0
    for name, lazy in COMMANDS.items():
        assert name in done.output
        assert lazy.help in done.output


def test_the_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from typer.testing import CliRunner; from pixmill.cli import app;"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0; print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    )

    assert HEAVY.isdisjoint(done.stdout.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_of_its_own(name: str) -> None:
    done = CliRunner().invoke(app, [name, "--help"], prog_name="pixmill")

    assert done.exit_code == 0
    assert f"pixmill {name}" in done.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_where_it_is_said_to_be(name: str) -> None:
    module, _, attribute = COMMANDS[name].target.partition(":")

    assert hasattr(import_module(module), attribute)


def test_the_version_is_printed() -> None:
    done = CliRunner().invoke(app, ["--version"])

    assert done.output == f"pixmill {pixmill.__version__}\n"


@pytest.mark.parametrize("arguments", [["nothing"], ["keys", "nothing"], ["keys", "revoke"], []])
def test_a_command_that_is_none_is_a_usage_error(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "variables", "complaint"),
    [
        (["keys", "revoke", "key_x"], {}, "pixmill: There is no key key_x. `pixmill accounts"),
        (["keys", "list"], {"PIXMILL_PORT": "x"}, "pixmill: PIXMILL_PORT: Input should be a valid"),
        (
            ["keys", "list"],
            {"PIXMILL_DATABASE_URL": "mysql://u@h/n"},
            "pixmill: The database URL must be sqlite:///PATH or postgresql://",
        ),
        (
            ["keys", "list"],
            {"PIXMILL_DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/n"},
            f"pixmill: {errors.Unavailable()} (connection failed",
        ),
        (
            ["keys", "list", "--data-dir", "/dev/null/x"],
            {},
            "pixmill: The data directory cannot be made. ([Errno 20] Not a directory",
        ),
    ],
    ids=["not found", "setting", "kind of database", "no server", "no directory"],
)
def test_a_failure_is_one_line_that_says_what_to_do(
    tmp_path: Path, arguments: list[str], variables: dict[str, str], complaint: str
) -> None:
    env = {"PIXMILL_DATA_DIR": str(tmp_path / "data"), **variables}
    done = CliRunner().invoke(app, arguments, env=env)

    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith(complaint)
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "pixmill.db").write_bytes(b"not a database at all" * 100)

    done = run("keys", "list", "--data-dir", str(tmp_path))

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("pixmill: The database cannot be used. (file is not a database)")
    assert done.stderr.count("\n") == 1


def test_the_option_is_stronger_than_the_variable(tmp_path: Path) -> None:
    done = run(
        "keys", "create", "--data-dir", str(tmp_path / "a"), PIXMILL_DATA_DIR=str(tmp_path / "b")
    )

    assert done.returncode == 0
    assert (tmp_path / "a" / "pixmill.db").exists()
    assert not (tmp_path / "b").exists()
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700


def test_a_shell_gets_the_key_alone(tmp_path: Path) -> None:
    done = run("keys", "create", "--plan", "optipic-free", PIXMILL_DATA_DIR=str(tmp_path))

    assert done.returncode == 0
    assert len(done.stdout.split()) == 1
    assert done.stdout.startswith("op_live_")
    assert "not shown again" in done.stderr
    assert done.stdout.strip() not in done.stderr
