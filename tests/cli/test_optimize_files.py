"""`pixmill optimize`: which files are read, which are written, and what is remembered of them."""

import asyncio
import json
import multiprocessing
from pathlib import Path, PurePath
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.optimizing import (
    Halver,
    contents,
    file_size_limit,
    names,
    optimize,
    order,
    report,
    statuses,
)
from pixmill.cli.optimize import amounts, types
from pixmill.cli.optimize.cache import Cache, Entry, key_of
from pixmill.cli.optimize.finding import Search, find
from pixmill.cli.optimize.patterns import matcher
from pixmill.cli.optimize.planning import plan
from pixmill.cli.optimize.types import EXTENSIONS, Order, Place, Row, Savings, Source
from pixmill.cli.optimize.work import Unusable, Work
from pixmill.engine import codecs
from pixmill.engine import types as engine
from pixmill.engine.plan import TARGETS
from pixmill.http import negotiation

from fixtures.pictures import encode, graphic

HERE = Place(kind="here")


def found(*paths: str, place: Place = HERE, formats=("same",), **search) -> list[str]:
    return [each.name for each in find(paths, Search(**search), place=place, formats=formats)]


def work(order: Order, maker: Halver, cache: Cache | None = None) -> list[Row]:
    sources = find(["."], Search(), place=order.place, formats=order.formats)
    planned = plan(sources, order.place, order.formats)
    run = Work(order=order, maker=maker, cache=cache or Cache(None), done=lambda _: None)
    return asyncio.run(run.run(planned))


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a.jpg", "b.PNG", "c.heic", "deep/d.webp", "deep/drafts/e.jpg", ".hidden/f.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 100)
    (tmp_path / "notes.txt").write_text("no picture")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_words_are_those_of_the_engine():
    assert get_args(types.Mode) == get_args(engine.Mode)
    assert get_args(types.Metadata) == get_args(engine.Metadata)
    assert {name: codec.extension for name, codec in codecs.all_codecs().items()} == {
        name: EXTENSIONS[name] for name in codecs.all_codecs()
    }
    assert negotiation.FORMATS == types.CHOICES
    assert TARGETS == (30, 95)


def test_folders_and_patterns_mean_pictures_without_links_and_hidden_names(tree):
    (tree / "link.jpg").symlink_to(tree / "a.jpg")
    (tree / "linked").symlink_to("/")

    assert found(".") == ["a.jpg", "b.PNG", "deep/d.webp", "deep/drafts/e.jpg"]
    assert found(".", place=Place(kind="folder", folder=Path("deep"))) == [
        "a.jpg",
        "b.PNG",
        "c.heic",
    ]
    assert found(".", recursive=False) == ["a.jpg", "b.PNG"]
    assert found(".", exclude=["drafts", "*.PNG"]) == ["a.jpg", "deep/d.webp"]
    assert found(".", include=["deep/**/*.jpg"]) == ["deep/drafts/e.jpg"]
    assert found("**/*.jpg") == ["a.jpg", "deep/drafts/e.jpg"]
    assert found("deep/*") == ["deep/d.webp"]
    assert found("a.jpg", "link.jpg", "./a.jpg") == ["a.jpg"]


def test_what_is_not_there_is_told_and_the_others_are_done(tree):
    (tree / "empty").mkdir()

    rows = find(["none.jpg", "empty", "*.gif", "a.jpg"], Search(), place=HERE, formats=["same"])

    assert [each.error for each in rows] == [
        "No such file or directory",
        "There are no pictures in this folder.",
        "Nothing matches this pattern.",
        None,
    ]


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.png", "deep/a.png", True),
        ("deep", "deep/a.png", True),
        ("deep/*", "deep/b/a.png", False),
        ("deep/**", "deep/b/a.png", True),
        ("**/a.png", "a.png", True),
        ("[!a].png", "a.png", False),
        ("[a-c].png", "b.png", True),
        ("a?.png", "a/.png", False),
        ("a(1).png", "a(1).png", True),
        ("[", "[", True),
    ],
)
def test_patterns(pattern, path, matches):
    assert matcher([pattern])(PurePath(path)) is matches


_NAMES = st.builds(
    "{}{}".format,
    st.text("aA.-2", min_size=1, max_size=5).filter(lambda name: set(name) != {"."}),
    st.sampled_from([".jpg", ".jpeg", ".png", ".PNG", ".webp", ".tif", ""]),
)
_PATHS = st.builds("/".join, st.lists(_NAMES, min_size=1, max_size=2))
_PLACES = st.sampled_from(
    [
        Place(kind="folder", folder=Path("/out")),
        Place(kind="folder", folder=Path("/in")),
        Place(kind="suffix", suffix=".min"),
        Place(kind="beside"),
    ]
)


@given(
    paths=st.lists(_PATHS, max_size=8, unique=True),
    place=_PLACES,
    formats=st.lists(st.sampled_from(["same", "auto", *EXTENSIONS]), min_size=1, unique=True),
)
def test_no_two_pictures_write_one_file_nor_over_another_nor_outside(paths, place, formats):
    sources = [
        Source(name=f"/in/{path}", path=Path("/in", path), relative=Path(path)) for path in paths
    ]
    planned = plan(sources, place, formats)
    targets = [str(each).casefold() for one in planned for each in one.targets(formats)]
    wanted = EXTENSIONS if {"same", "auto"} & set(formats) else formats

    assert [each.source for each in planned] == sources
    assert len(targets) == len(set(targets))
    assert not set(targets) & {str(each.path).casefold() for each in sources}
    for one in planned:
        assert {one.target(each) for each in wanted} <= one.targets(formats)
        for target in one.targets(formats):
            assert ".." not in target.parts
            assert target.is_relative_to(place.folder or "/in")


@pytest.mark.usefixtures("tree")
def test_names_do_not_depend_on_the_order():
    sources = find(["."], Search(), place=Place(kind="beside"), formats=["avif"])
    one = plan(sources, Place(kind="beside"), ["avif"])
    other = plan(sources[::-1], Place(kind="beside"), ["avif"])

    assert {each.target("avif") for each in one} == {each.target("avif") for each in other}


def test_a_named_link_is_followed_and_one_in_the_folder_of_results_is_not(tree, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "z.jpg").write_bytes(b"z" * 100)
    (tree / "link.jpg").symlink_to(outside / "z.jpg")
    (tree / "out").mkdir()
    (tree / "out" / "deep").symlink_to(outside)
    (tree / "out" / "a.jpg").symlink_to(outside / "z.jpg")
    place = Place(kind="folder", folder=Path("out"))

    rows = work(order("folder", folder=place.folder), Halver())
    sources = find(["link.jpg"], Search(), place=HERE, formats=["same"])
    run = Work(order=order(), maker=Halver(), cache=Cache(None), done=lambda _: None)
    asyncio.run(run.run(plan(sources, HERE, ["same"])))

    errors = {row.file: row.outputs[0].error for row in rows}
    assert errors["deep/d.webp"] == "A link leads out of the folder for results."
    assert errors["a.jpg"] is None
    assert not (tree / "out" / "a.jpg").is_symlink()
    assert names(outside) == {"z.jpg"}
    assert (tree / "link.jpg").is_symlink()
    assert (outside / "z.jpg").read_bytes() == b"z" * 50


def test_a_full_disk_is_the_error_of_one_file_which_stays(tree):
    (tree / "a.jpg").write_bytes(b"large" * 20_000)
    before = contents(tree)

    with file_size_limit(20_000):
        rows = work(order(), Halver())

    failed = {row.file: row.outputs[0].error for row in rows if row.failed}
    after = contents(tree)
    assert failed == {"a.jpg": "File too large"}
    assert set(after) == set(before)
    assert after["a.jpg"] == before["a.jpg"]
    assert len(after["b.PNG"]) == len(before["b.PNG"]) // 2


@pytest.mark.usefixtures("tree")
def test_after_the_maker_is_unusable_nothing_else_is_tried():
    class Refusing(Halver):
        async def make(self, data, order, format_):
            del data, order, format_
            self.made += 1
            raise Unusable("The key is not valid.")

    maker = Refusing()
    maker.places = 1
    rows = work(order(), maker)

    assert maker.made == 1
    assert {row.outputs[0].error for row in rows} == {"The key is not valid."}


def test_what_is_known_is_not_made_again_until_it_has_changed(tree):
    def run(maker: Halver, **changes) -> set[str]:
        cache = Cache(tree / ".cache.json")
        wanted = order("folder", folder=Path("out"), **changes)
        rows = work(wanted, maker, cache)
        return {f"{row.file} {each.status}" for row in rows for each in row.outputs}

    run(first := Halver())
    run(again := Halver())
    (tree / "out" / "b.jpg").unlink()
    (tree / "a.jpg").write_bytes(b"another picture")
    changed = run(third := Halver())
    run(stricter := Halver(), savings=Savings(share=0.1))
    run(forced := Halver(), force=True)
    newer = Halver()
    newer.engine = "another"
    run(newer)
    (tree / ".cache.json").write_text('{"version": 1, "entries": {"x"')
    assert "damaged" in (Cache(tree / ".cache.json").remark or "")
    run(damaged := Halver())

    counts = [each.made for each in (first, again, third, stricter, forced, newer, damaged)]
    assert counts == [5, 0, 2, 5, 5, 5, 5]
    assert again.started == 0
    assert "a.jpg written" in changed
    assert json.loads((tree / ".cache.json").read_bytes())["version"] == 1


def test_in_place_what_was_made_here_is_left_alone_by_later_engines(tree):
    work(order(), Halver(), Cache(tree / ".cache.json"))
    newer = Halver()
    newer.engine = "another"

    rows = work(order(), newer, Cache(tree / ".cache.json"))

    assert newer.made == 0
    assert {each.status for row in rows for each in row.outputs} == {"cached"}


def _remember(path: Path, number: int) -> None:
    for index in range(20):
        cache = Cache(path)
        cache.put(f"{number}-{index}", Entry(format="webp", size=index, sha256="0"))
        cache.save()


def test_runs_at_the_same_time_add_to_one_cache(tmp_path):
    path = tmp_path / "cache.json"
    context = multiprocessing.get_context("fork")
    runs = [context.Process(target=_remember, args=(path, number)) for number in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()

    cache = Cache(path)
    assert cache.remark is None
    assert all(cache.get(f"{run}-{index}") for run in range(3) for index in range(20))


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists))
def test_whatever_stands_in_a_cache_is_no_crash(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("cache") / "cache.json"
    entry = {"format": value, "size": 1, "sha256": "0"}
    path.write_text(json.dumps({"version": 1, "entries": {"key": value, "other": entry}}))

    assert Cache(path).get("key") is None
    assert Cache(path).get("other") is None


def test_each_thing_asked_for_has_a_key_of_its_own():
    orders = [
        order(),
        order("beside"),
        order(savings=Savings(size=1)),
        order(look=types.Look(quality=81)),
        order(look=types.Look(accept=("webp",))),
    ]
    keys = {key_of("0", each, format_, "e") for each in orders for format_ in ("webp", "auto")}

    assert len(keys) == 2 * len(orders)
    assert key_of("1", orders[0], "webp", "e") not in keys
    assert key_of("0", orders[0], "webp", "f") not in keys


def test_sizes_and_savings():
    assert [amounts.size(text) for text in ("7", "1.5 kB", "1KiB", "2MB")] == [
        7,
        1500,
        1024,
        2_000_000,
    ]
    assert amounts.savings("5%,1kB") == Savings(share=0.05, size=1000)
    assert Savings(share=0.1, size=50).met(1000, 900)
    assert not Savings(share=0.1, size=50).met(1000, 901)
    assert not Savings(share=0.1, size=50).met(100, 51)
    for text in ("", "x", "101%", "-1", "1e9"):
        with pytest.raises(ValueError, match=r"."):
            amounts.savings(text)


CONFIGURATION = """
[optimize]
format = ["same", "webp"]
output = "out"
exclude = ["drafts"]
min-savings = "0"
"""


def test_a_project_says_in_a_file_what_it_always_wants(tree):
    for path in (tree / "a.jpg", tree / "b.PNG", tree / "deep" / "d.webp"):
        path.unlink()
    (tree / "deep" / "g.png").write_bytes(encode(graphic(), "PNG"))
    (tree / "pixmill.toml").write_text(CONFIGURATION)

    done = report("g.png", cwd=tree / "deep")
    other = report("g.png", "--in-place", "-f", "same", "--dry-run", cwd=tree / "deep")

    assert statuses(done) == {"g.png": ["written", "written"]}
    assert names(tree / "out") == {"g.png", "g.webp"}
    assert (tree / ".pixmill-cache.json").exists()
    assert other["files"][0]["outputs"][0]["file"] == "g.png"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[optimise]", "There is no optimise. Is optimize meant?"),
        ("[optimize]\nqualty = 3", "There is no qualty. Is quality meant?"),
        ('[optimize]\nserver = "http://x"', "server is only for the command line."),
        ('[optimize]\nsummary-md = "x"', "summary-md is only for the command line."),
        ('[optimize]\noutput = "../out"', "output must be below the folder of this file."),
        ('[optimize]\noutput = "/out"', "output must be below the folder of this file."),
        ('[optimize]\ncache-file = "link/x"', "cache-file must be below the folder"),
        ("[optimize]\nlossless = 1", "lossless must be true or false."),
        ("[optimize]\nquality = true", "quality must be a text or a number."),
        ("[optimize]\nquality = 101", "--quality"),
        ("[optimize", "It is no TOML"),
    ],
)
def test_what_makes_no_sense_in_a_configuration_is_refused(tree, text, said):
    (tree / "pixmill.toml").write_text(text)
    (tree / "link").symlink_to("..")

    done = optimize("a.jpg", "-o", "out", cwd=tree / "deep")

    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
