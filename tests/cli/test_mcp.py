"""`pixmill mcp`, as an assistant's program uses it: the protocol's own client, over stdio."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import StdioServerParameters
from mcp.client.client import Client
from mcp.types import CallToolResult

from cli.analyzing import environment as with_model
from cli.optimizing import contents

from fixtures.pictures import decoded, encode, exif, graphic, photo
from fixtures.servers import environment


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a folder with pictures, beside which there is one that nobody may touch."""
    root = tmp_path / "root"
    (root / "blog").mkdir(parents=True)
    (root / "a.jpg").write_bytes(encode(photo(), "JPEG", quality=95, exif=exif(gps=True)))
    (root / "blog" / "b.png").write_bytes(encode(graphic(), "PNG"))
    (root / "broken.jpg").write_bytes(encode(photo(), "JPEG")[:2000])
    (tmp_path / "secret.jpg").write_bytes(encode(photo(seed=9), "JPEG", quality=95))
    return root


@asynccontextmanager
async def assistant(root: Path, *arguments: str, **env: str) -> AsyncIterator[Client]:
    """Give a client that runs the server as Claude Desktop and others do."""
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "pixmill", "mcp", "--root", str(root), "--jobs", "2", *arguments],
        env=environment() | env,
        cwd="/",
    )
    async with Client(parameters, read_timeout_seconds=120) as client:
        yield client


def session(
    work: Callable[[Client], Awaitable[Any]], root: Path, *arguments: str, **env: str
) -> Any:
    async def run() -> Any:
        async with assistant(root, *arguments, **env) as client:
            return await work(client)

    return asyncio.run(run())


def told(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


def refusal(result: CallToolResult) -> str:
    assert result.is_error
    return result.content[0].text  # type: ignore[union-attr] # an error is a text


def test_tools_are_listed_with_what_they_take_and_answer(root):
    async def work(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"optimize", "inspect", "analyze", "usage"}
        taken = tools["optimize"].input_schema
        assert taken["required"] == ["paths"]
        assert taken["properties"]["quality"]["maximum"] == 100
        assert "webp" in json.dumps(taken["properties"]["formats"])
        assert "context" not in taken["properties"]
        assert "left_out" in tools["optimize"].output_schema["properties"]
        assert tools["inspect"].annotations.read_only_hint
        assert tools["optimize"].annotations.destructive_hint
        assert all(tool.description for tool in tools.values())
        assert str(root) in (client.instructions or "")

    session(work, root)


def test_pictures_are_inspected_made_and_replaced(root):
    before = contents(root)
    heard: list[float] = []

    async def hear(done: float, total: float | None, _: str | None) -> None:
        assert total == 3
        heard.append(done)

    async def work(client: Client) -> None:
        found = told(await client.call_tool("inspect", {"paths": ["."]}))
        dry = told(await client.call_tool("optimize", {"paths": ["a.jpg"], "dry_run": True}))
        unchanged = contents(root)
        made = told(
            await client.call_tool(
                "optimize",
                {"paths": ["."], "output": "out", "formats": ["same", "webp"], "width": 100},
                progress_callback=hear,
            )
        )
        small = {"paths": [str(root / "a.jpg")], "in_place": True, "quality": 60}
        first = told(await client.call_tool("optimize", small))
        second = told(await client.call_tool("optimize", small))

        files = {Path(each["file"]).name: each for each in found["files"]}
        assert files["a.jpg"]["metadata"] == ["exif", "gps"]
        assert files["a.jpg"]["size"] == len(before["a.jpg"])
        assert (files["a.jpg"]["width"], files["a.jpg"]["height"]) == (320, 240)
        assert files["a.jpg"]["could_be"].keys() == {"jpeg", "webp", "avif"}
        assert files["b.png"]["lossless"]
        assert files["broken.jpg"]["error"]
        assert dry["files"][0]["outputs"][0]["status"] == "pending"
        assert unchanged == before
        assert made["failed"] == 2
        assert made["files"][0]["file"] == str(root / "broken.jpg")
        assert str(root / "out" / "blog" / "b.webp") in json.dumps(made)
        assert heard == [1, 2, 3]
        assert first["files"][0]["outputs"][0]["status"] == "written"
        assert first["after"] < first["before"] == len(before["a.jpg"])
        assert second["files"][0]["outputs"][0]["status"] == "cached"

    session(work, root)
    after = contents(root)
    assert decoded(after["out/a.webp"]).width == 100
    assert len(after["a.jpg"]) < len(before["a.jpg"])
    assert after["broken.jpg"] == before["broken.jpg"]


def test_nothing_outside_of_the_roots_is_read_or_written(root, tmp_path):
    secret = tmp_path / "secret.jpg"
    (root / "link.jpg").symlink_to(secret)
    (root / "up").symlink_to(tmp_path)
    (root / "loop").symlink_to(root / "loop")
    (root / "a.jpg.json").symlink_to(tmp_path / "elsewhere.json")
    (root / "broken.jpg.json").symlink_to(root / "broken.jpg.json")
    named = [
        *(str(secret), "../secret.jpg", "blog/../a.jpg", "link.jpg", "up/secret.jpg"),
        *("up/*.jpg", "up", "loop/a.jpg", "/", "~/a.jpg/../..", ""),
    ]
    places = [str(tmp_path), "../out", "up/out", "up", "link.jpg"]

    async def work(client: Client) -> None:
        for tool in ("optimize", "inspect", "analyze"):
            for path in named:
                arguments = {"paths": ["a.jpg", path]}
                if tool == "optimize":
                    arguments["in_place"] = True
                said = refusal(await client.call_tool(tool, arguments))
                assert "refused" in said or "outside" in said or "path" in said, said
        for output in places:
            said = refusal(
                await client.call_tool("optimize", {"paths": ["a.jpg"], "output": output})
            )
            assert "outside" in said or "refused" in said
        for path in ("a.jpg", "broken.jpg"):
            assert "outside" in refusal(await client.call_tool("analyze", {"paths": [path]}))
        # What is found below a folder is not followed.
        made = told(await client.call_tool("optimize", {"paths": ["."], "formats": ["webp"]}))
        assert "secret" not in json.dumps(made)

    before = contents(tmp_path)
    session(work, root)
    after = contents(tmp_path)
    assert {name for name in after if name not in before} == {"root/a.webp", "root/blog/b.webp"}
    assert all(after[name] == data for name, data in before.items())


def test_a_folder_whose_name_reads_like_a_pattern_leads_nowhere_else(tmp_path):
    root, other = tmp_path / "[x]", tmp_path / "x"
    for folder in (root, other):
        folder.mkdir()
        (folder / "a.jpg").write_bytes(encode(photo(), "JPEG", quality=95))
    before = contents(tmp_path)

    async def work(client: Client) -> None:
        said = refusal(await client.call_tool("optimize", {"paths": ["*.jpg"], "in_place": True}))
        assert "Outside" in said
        made = told(await client.call_tool("optimize", {"paths": ["a.jpg"], "in_place": True}))
        assert made["files"][0]["outputs"][0]["status"] == "written"

    session(work, root)
    assert contents(tmp_path)["x/a.jpg"] == before["x/a.jpg"]


def test_calls_that_make_no_sense_are_refused_in_words(root):
    async def work(client: Client) -> None:
        for arguments, word in [
            ({"paths": ["a.jpg"]}, "where results go"),
            ({"paths": ["a.jpg"], "in_place": True, "output": "out"}, "one of"),
            ({"paths": ["a.jpg"], "in_place": True, "formats": ["webp"]}, "keeps its format"),
            ({"paths": ["a.jpg"], "output": "broken.jpg"}, "a file by that name"),
            ({"paths": ["a.jpg"], "output": "out", "quality": 101}, "100"),
            ({"paths": []}, "paths"),
        ]:
            assert word in refusal(await client.call_tool("optimize", arguments))
        missing = told(await client.call_tool("inspect", {"paths": ["nothing.jpg"]}))
        assert "No such file" in missing["files"][0]["error"]
        language = await client.call_tool("analyze", {"paths": ["a.jpg"], "language": "no tag"})
        assert "language" in refusal(language)
        assert "No server is named" in refusal(await client.call_tool("usage", {}))

    session(work, root)
    assert not (root / "out").exists()


def test_pictures_are_described_by_the_model_that_is_configured(root, model):
    async def unaided(client: Client) -> dict[str, Any]:
        return told(await client.call_tool("analyze", {"paths": ["a.jpg", "broken.jpg"]}))

    async def aided(client: Client) -> dict[str, Any]:
        return told(await client.call_tool("analyze", {"paths": ["a.jpg"], "sidecar": True}))

    alone = session(unaided, root)
    helped = session(aided, root, **with_model(model))

    assert alone["model"] is None
    assert "No model is configured" in alone["note"]
    assert alone["images"][0]["facts"]["gps"]
    assert alone["images"][0]["words"]["alt"] is None
    assert alone["images"][1]["error"]
    assert helped["note"] is None
    assert helped["images"][0]["sources"]["alt"] == "model"
    assert json.loads((root / "a.jpg.json").read_text())["words"]["alt"]


def test_usage_is_that_of_the_server(root, server):
    key = server.key()
    server.spend(key, 7)

    async def work(client: Client) -> CallToolResult:
        return await client.call_tool("usage", {})

    usage = told(session(work, root, "--server", server.base_url, PIXMILL_API_KEY=key))
    wrong = session(work, root, PIXMILL_SERVER=server.base_url, MY_KEY="wrong")

    assert usage["requests"] == 7
    assert "does not tell" in refusal(wrong)


def test_a_call_that_is_given_up_ends_and_the_next_one_is_served(root):
    many = root / "many"
    many.mkdir()
    data = encode(photo(800, 600), "PNG")
    for number in range(12):
        (many / f"{number}.png").write_bytes(data + bytes([number]))

    async def work(client: Client) -> None:
        begun = asyncio.Event()

        async def hear(*_: object) -> None:
            begun.set()

        call = asyncio.create_task(
            client.call_tool(
                "optimize",
                {"paths": ["many"], "output": "out", "formats": ["avif"]},
                progress_callback=hear,
            )
        )
        await begun.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        made = told(await client.call_tool("optimize", {"paths": ["a.jpg"], "output": "out"}))
        assert made["files"][0]["outputs"][0]["status"] == "written"

    session(work, root)
    # What was begun is whole or not there.
    assert len(list((root / "out").glob("*.avif"))) < 12
    for path in (root / "out").iterdir():
        decoded(path.read_bytes())


def test_nothing_but_the_protocol_is_on_stdout(root):
    asked = [
        {
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            },
        },
        {"method": "tools/call", "params": {"name": "inspect", "arguments": {"paths": ["."]}}},
    ]
    done = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    lines = [{"jsonrpc": "2.0", "id": id_, **each} for id_, each in enumerate(asked)]
    lines.insert(1, done)
    with subprocess.Popen(
        [sys.executable, "-m", "pixmill", "mcp", "--root", str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write("".join(f"{json.dumps(line)}\n" for line in lines).encode())
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in asked]
        process.stdin.close()
        rest = process.stdout.read()

    assert [answer["id"] for answer in answers] == [0, 1]
    assert answers[0]["result"]["serverInfo"]["name"] == "pixmill"
    assert not answers[1]["result"]["isError"]
    assert rest == b""
    assert process.returncode == 0


def test_without_the_extra_the_command_says_what_to_install(root):
    program = (
        "import sys; sys.modules['mcp'] = None; sys.argv = ['pixmill', 'mcp'];"
        "from pixmill.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "pip install 'pixmill[mcp]'" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "folder", "option"),
    [(["--server", "ftp://x"], "root", "--server"), ([], "/", "--root")],
)
def test_a_wrong_call_is_refused_before_anything_is_served(
    root, tmp_path, arguments, folder, option
):
    done = subprocess.run(
        [sys.executable, "-m", "pixmill", "mcp", *arguments],
        env=environment(),
        cwd=tmp_path / folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert root.is_dir()
    assert done.returncode == 2
    assert option in done.stderr
    assert done.stdout == ""
