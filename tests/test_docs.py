"""What must be documented is: settings, errors, commands, routes, contracts."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup

from pixmill import errors
from pixmill.app import create_app
from pixmill.cli import COMMANDS, _load
from pixmill.settings import Settings, settings_table, variable

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def test_the_table_of_settings_is_the_one_that_settings_make():
    assert settings_table() in (DOCS / "configuration.md").read_text()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name):
    assert f"`{variable(name)}`" in (DOCS / "configuration.md").read_text()


def all_errors(kind: type[errors.Error] = errors.Error) -> list[type[errors.Error]]:
    return [kind, *(found for sub in kind.__subclasses__() for found in all_errors(sub))]


@pytest.mark.parametrize("kind", all_errors())
def test_every_error_code_is_documented_and_its_own(kind):
    assert f"| `{kind.code}` |" in (DOCS / "errors.md").read_text()
    assert [other for other in all_errors() if other.code == kind.code] == [kind]


def commands() -> list[tuple[str, Any]]:
    def walk(name: str, command: Any) -> list[tuple[str, Any]]:
        if not isinstance(command, TyperGroup):
            return [(name, command)]
        children = command.commands.items()
        return [row for child, found in children for row in walk(f"{name} {child}", found)]

    return [
        row for name, lazy in COMMANDS.items() for row in walk(f"pixmill {name}", _load(name, lazy))
    ]


def test_the_commands_are_found():
    assert {"pixmill serve", "pixmill keys create", "pixmill bench service"} <= {
        name for name, _ in commands()
    }


@pytest.mark.parametrize(("name", "command"), [pytest.param(*row, id=row[0]) for row in commands()])
def test_every_command_is_documented_with_its_options(name, command):
    text = (DOCS / "cli.md").read_text()
    section = re.search(rf"^#+ `{name}[` ].*?(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)

    assert section, f"docs/cli.md has no section for {name}"
    for parameter in command.params:
        for option in parameter.opts:
            if option.startswith("--") and option != "--help":
                assert f"`{option}" in section[0], f"{name} {option}"


def test_every_route_is_documented(tmp_path):
    app = create_app(Settings(data_dir=tmp_path))
    text = "\n".join(path.read_text() for path in DOCS.glob("*.md"))
    for route in app.routes:
        # Picture Optimizer's second prefix (PO-2) is documented once for all of its paths.
        path = getattr(route, "path", "").removeprefix("/image-forge-api")
        if not path.startswith("/docs/"):
            assert f"{path}`" in text, path


ROW = re.compile(
    r"^\| ((?:OP|OG|PO|OS|SM)-\d+) \| [^|]+ \| .* \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE
)
COUNTS = {"OP": 90, "OG": 90, "PO": 105, "OS": 94, "SM": 49}


def contract_rows() -> list[tuple[str, str, str]]:
    return ROW.findall((DOCS / "contracts.md").read_text())


def test_no_contract_row_is_missing():
    numbers = [number for number, _, _ in contract_rows()]

    assert numbers == [f"{api}-{n}" for api, count in COUNTS.items() for n in range(1, count + 1)]


def test_every_held_contract_row_names_tests_that_exist():
    existing = {
        f"{path.relative_to(ROOT / 'tests')}::{node.name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    for number, tests, state in contract_rows():
        named = re.findall(r"`([^`]+)`", tests)
        if state.strip().startswith("open"):
            assert not named, number
        else:
            assert state.strip() == "held", number
            assert named, number
            assert set(named) <= existing, (number, set(named) - existing)


def test_every_link_between_documents_leads_somewhere():
    for path in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{path.name}: {target}"
