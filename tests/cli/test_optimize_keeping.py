"""`pixmill optimize` takes nothing away that it has not made."""

import asyncio
from pathlib import Path

import pytest

from cli.optimizing import Halver, optimize, order
from pixmill.cli.optimize.cache import Cache, Entry, NotACache
from pixmill.cli.optimize.planning import plan
from pixmill.cli.optimize.types import Place, Source
from pixmill.cli.optimize.work import Work


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    for name in ("a.jpg", "deep/d.webp"):
        (tmp_path / name).write_bytes(name.encode() * 100)
    return tmp_path


def test_no_other_file_is_taken_for_a_cache_and_replaced(tree):
    others = {"photo.jpg": b"\xff\xd8", "package.json": b'{"version": "1", "entries": {}}'}
    (tree / "pixmill.toml").write_text('[optimize]\ncache-file = "package.json"')
    for name, data in others.items():
        (tree / name).write_bytes(data)
    refused = [
        optimize("a.jpg", "-o", "out", "--cache-file", "photo.jpg", cwd=tree),
        optimize("a.jpg", "-o", "out", cwd=tree),
        optimize("a.jpg", "-o", "out", "--cache-file", "/dev/null", cwd=tree),
    ]
    late = Cache(tree / "later.json")
    late.put("key", Entry(format="webp", size=1))
    (tree / "later.json").write_text("[1]")

    assert [each.exit_code for each in refused] == [2, 2, 2]
    assert "no cache of Pixmill" in " ".join(refused[0].stderr.replace("│", " ").split())
    assert {name: (tree / name).read_bytes() for name in others} == others
    with pytest.raises(NotACache):
        late.save()
    assert (tree / "later.json").read_text() == "[1]"


@pytest.mark.parametrize("kind", ["beside", "suffix"])
def test_what_lies_beside_a_picture_is_only_replaced_if_it_was_made_of_one(tree, kind):
    picture, result = tree / "deep" / "d.webp", tree / "deep" / "d.jpg"
    place = Place(kind="suffix", suffix=".min") if kind == "suffix" else Place(kind="beside")
    if kind == "suffix":
        result = tree / "deep" / "d.min.jpg"
    result.write_bytes(b"made by hand")

    def run(**changes: object) -> str | None:
        wanted = order(place=place, formats=("jpeg",), **changes)
        source = Source(name=str(picture), path=picture, relative=Path("d.webp"))
        planned = plan([source], place, wanted.formats)
        shared = Work(
            order=wanted,
            maker=Halver(),
            cache=Cache(tree / ".cache.json"),
            done=lambda _: None,
        )
        return asyncio.run(shared.run(planned))[0].outputs[0].error

    told = run(writes=False), run()
    kept = result.read_bytes()
    forced = run(force=True)
    picture.write_bytes(b"another" * 100)

    assert told[0] == told[1]
    assert (told[0] or "").startswith(f"{result.name} is there already, and was not made from")
    assert kept == b"made by hand"
    assert forced is None
    assert run() is None
    assert result.read_bytes() == (b"another" * 100)[:350]
