"""The front of bytes and CPU: its table, its plots and who is on it."""

import json
from dataclasses import replace
from xml.etree import ElementTree as ET

from benchmarks.pareto import app, beats, encoders, on_front, verdicts
from benchmarks.plots import Row
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from benchmarks import plots

from fixtures.pictures import encode, photo

ROW = Row(
    target=80,
    encoder="Pixmill jpeg",
    owner="Pixmill",
    format="jpeg",
    peers="",
    pictures=2,
    size=0.8,
    cpu=0.02,
)

points = st.builds(
    lambda size, cpu: replace(ROW, size=size, cpu=cpu),
    st.floats(0.1, 10),
    st.floats(0.001, 10),
)


def test_the_front_of_small_pictures_is_printed_and_drawn(tmp_path):
    for seed in (1, 2):
        (tmp_path / f"{seed}.png").write_bytes(encode(photo(96, 64, seed), "PNG"))

    arguments = [tmp_path, "--only", "jpegli,Pillow jpeg", "--targets", "70,80"]
    done = CliRunner().invoke(app, [*map(str, arguments), "--plots", str(tmp_path / "out")])

    assert done.exit_code == 0, done.output
    assert "| Pillow jpeg " in done.stdout
    assert " Thumbor, ipx " in done.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "front-70.svg",
        "front-80.svg",
        "bytes-score.svg",
        "cpu-score.svg",
    }


def test_the_base_is_its_own_size(tmp_path):
    (tmp_path / "1.png").write_bytes(encode(photo(96, 64), "PNG"))

    arguments = [str(tmp_path), "--only", "Pillow jpeg", "--targets", "80", "--json"]
    rows = json.loads(CliRunner().invoke(app, arguments).stdout)

    sizes = {row["encoder"]: row["size"] for row in rows}
    assert sizes["Pillow jpeg"] == 1
    assert sizes["Pillow jpeg progressive"] < 1


def test_every_encoder_has_a_name_of_its_own():
    names = [str(encoder) for encoder in encoders([""])]

    assert len(names) == len(set(names))
    assert {"Pixmill avif", "libvips avif effort 4", "libjxl jxl effort 4"} <= set(names)


def test_plots_are_drawn_the_same_again(tmp_path):
    rows = [ROW, replace(ROW, encoder="Pillow jpeg", owner="Pillow", peers="Pillow", size=1.0)]

    first = [path.read_bytes() for path in plots.write(tmp_path, rows)]
    second = [path.read_bytes() for path in plots.write(tmp_path, rows)]

    assert first == second
    for data in first:
        words = [text.text for text in ET.fromstring(data).iter() if text.text]
        assert any("Pillow" in word for word in words)


@given(st.lists(points, min_size=1, max_size=12))
def test_somebody_is_always_on_the_front_and_nobody_there_is_beaten(rows):
    front = [row for row in rows if on_front(row, rows)]

    assert front
    assert not any(beats(one, other) for one in rows for other in front)


def test_a_default_that_beats_ours_is_named():
    peer = replace(
        ROW, encoder="libvips jpeg", owner="libvips", peers="libvips", size=0.7, cpu=0.01
    )

    assert verdicts([ROW, peer]) == [
        "libvips (libvips jpeg) is both smaller and cheaper than Pixmill jpeg at 80."
    ]
    assert "No peer's default" in verdicts([ROW, replace(peer, cpu=0.03)])[0]
    assert "No peer's default" in verdicts([ROW, replace(peer, format="webp")])[0]
