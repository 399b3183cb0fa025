"""Bytes and CPU at equal look, on two small pictures."""

import json

import pytest
from benchmarks.encoders import libvips
from benchmarks.encoders.record import Encoder
from benchmarks.equal_look import app
from benchmarks.points import Curve, Point, between, measure
from benchmarks.source import Source
from typer.testing import CliRunner

from fixtures.pictures import encode, graphic, photo, translucent


@pytest.fixture
def photos(tmp_path):
    for seed in (1, 2):
        (tmp_path / f"{seed}.png").write_bytes(encode(photo(96, 64, seed), "PNG"))
    return tmp_path


@pytest.fixture
def graphics(tmp_path):
    (tmp_path / "flat.png").write_bytes(encode(graphic(96, 64), "PNG"))
    (tmp_path / "alpha.png").write_bytes(encode(translucent(80, 64), "PNG"))
    return tmp_path


def run(*arguments):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_ours_is_compared_with_every_default_of_a_format(photos):
    rows = json.loads(run(photos, "--formats", "jpeg", "--ways", "default", "--json"))

    assert {row["against"].split(":")[0] for row in rows} == {
        "libvips",
        "sharp, imgproxy",
        "Thumbor, ipx",
        "imaginary",
        "sharp with mozjpeg",
        "Pillow",
    }
    assert {row["pictures"] for row in rows} == {2}
    # A quarter of such a small file is its header, so only the order of magnitude is sure.
    assert all(0.5 < row["size"] < 1.5 for row in rows)


def test_graphics_are_compared_as_png_too(graphics):
    printed = run(graphics, "--graphics", "--formats", "webp", "--ways", "default")

    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed.splitlines()]
    pngs = {row[0]: row for row in rows if len(row) == 6}
    assert pngs["Pillow png"][2] == "1.000"
    assert float(pngs["Pixmill png lossless"][2]) < 1
    assert pngs["Pixmill png lossless"][4] == "100.0"


@pytest.fixture
def source(photos):
    return Source.load(photos / "1.png")


def test_an_encoder_takes_as_much_as_itself(source):
    encoder = libvips.jpeg("jpeg")
    measured = measure(encoder, source, encoder.numbers[5])

    found = Curve(encoder, source).at(measured.score)

    assert found is not None
    assert found.size == measured.size


def test_a_look_beyond_the_best_number_is_not_reached(source):
    encoder = libvips.jpeg("jpeg")

    assert Curve(encoder, source).at(99.9) is None


def test_an_encoder_that_looks_too_good_is_taken_with_what_it_does(source):
    exact = Encoder(
        name="png",
        owner="libvips",
        format="png",
        encode=libvips.png("png").encode,
        numbers=(1, 2, 3),
    )

    found = Curve(exact, source).at(70)

    assert found is not None
    assert found.score == 100


def test_between_two_points_the_logarithm_is_a_straight_line():
    points = [Point(60, 100, 1.0), Point(80, 400, 4.0)]

    assert between(points, 70) == pytest.approx((70, 200, 2.0))


def test_alpha_is_put_on_white_for_a_format_without(graphics):
    source = Source.load(graphics / "alpha.png")

    assert source.pixels.shape[2] == 4
    assert source.opaque.pixels.shape[2] == 3
    assert (source.opaque.pixels[:, 0] == 255).all()
