"""The fast metric against the same one written out plainly, with every term and rounding error."""

import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from pixmill.engine import blur, ssimulacra2, xyb
from pixmill.engine.ssimulacra2 import Reference, compare

from fixtures.pictures import encode, graphic, photo, translucent

Pixels = NDArray[np.uint8]
Plane = NDArray[np.float64]

# fmt: off
WEIGHTS = {
    1: 0.0007376606707406586, 4: 0.0007793481682867309, 7: 0.0004371155730107379,
    9: 1.1041726426657346, 10: 0.00066284834129271, 11: 0.00015231632783718752,
    13: 0.0016406437456599754, 15: 1.8422455520539298, 16: 11.441172603757666,
    18: 0.0007989109436015163, 19: 0.000176816438078653, 21: 1.8787594979546387,
    22: 10.94906990605142, 24: 0.0007289346991508072, 25: 0.9677937080626833,
    27: 0.00014003424285435884, 28: 0.9981766977854967, 29: 0.00031949755934435053,
    30: 0.0004550992113792063, 33: 0.0013648766163243398, 39: 7.466890328078848,
    41: 17.445833984131262, 42: 0.0006235601634041466, 45: 6.683678146179332,
    46: 0.00037724407979611296, 47: 1.027889937768264, 48: 225.20515300849274,
    51: 19.213238186143016, 52: 0.0011401524586618361, 53: 0.001237755635509985,
    54: 176.39317598450694, 57: 24.43300999870476, 58: 0.28520802612117757,
    59: 0.0004485436923833408, 63: 34.77906344483772, 64: 44.835625328877896,
    73: 0.0008680556573291698, 79: 0.0005313191874358747, 81: 0.00016533814161379112,
    87: 0.0004179171803251336, 88: 0.0017290828234722833, 90: 0.0020827005846636437,
    93: 8.826982764996862, 94: 23.19243343998926, 96: 95.1080498811086,
    97: 0.9863978034400682, 98: 0.9834382792465353, 99: 0.0012286405048278493,
    100: 171.2667255897307, 101: 0.9807858872435379, 105: 0.0005130064588990679,
    107: 0.00010854057858411537,
}
# fmt: on
ABSORBANCE = np.array([[0.30, 0.23, 0.2434226892], [0.622, 0.692, 0.2047674442]])
BIAS = 0.0037930732552754493


def waves() -> tuple[Plane, Plane]:
    """Return the frequencies and amplitudes of the three cosines nearest to a Gaussian."""
    at, deviation, radius = np.arange(-5, 6), 1.5, 5
    frequencies = np.array([1, 3, 5]) * np.pi / (2 * radius)
    cosines = np.cos(np.outer(at, frequencies))
    gaussian = np.exp(-((deviation * frequencies) ** 2) / 2) / radius
    sums, variances = cosines.sum(axis=0), at**2 @ cosines
    free = np.cross(sums, variances)
    conditions = np.vstack([sums, variances, free])
    return frequencies, np.linalg.solve(conditions, np.array([1, deviation**2, free @ gaussian]))


def exactly(planes: Plane) -> Plane:
    """Blur a stack of planes; outside is zero."""
    frequencies, amplitudes = waves()
    taps = np.cos(np.outer(np.arange(-5, 6), frequencies)) @ amplitudes
    _, height, width = planes.shape
    padded = np.pad(planes, ((0, 0), (5, 5), (5, 5)))
    columns = sum(tap * padded[:, at : at + height] for at, tap in enumerate(taps))
    return sum(tap * columns[:, :, at : at + width] for at, tap in enumerate(taps))


def rounded(values: Plane) -> Plane:
    return values.astype(np.float32).astype(np.float64)


def passing(lines: Plane) -> Plane:
    """Return what each step of the recursion takes in, beginning four steps before the first."""
    before, after = (np.pad(lines, ((pad, 14 - pad), (0, 0))) for pad in (10, 0))
    return rounded(before + after)


def by_four(lines: Plane) -> Plane:
    """Filter columns as libjxl filters rows: four values from the last two, rounded as by FMA."""
    inputs, outputs = passing(lines), []
    for frequency, amplitude in zip(*waves(), strict=True):
        ringing = np.sin(np.arange(1, 6) * frequency) / np.sin(frequency)
        starts = rounded(ringing * amplitude * np.cos(4 * frequency))
        ringing = rounded(ringing)
        wave = [np.zeros(lines.shape[1])] * 2
        for step in range(0, len(inputs) - 3, 4):
            two = wave[-2:]
            for lane in range(4):
                value = rounded(inputs[step] * starts[lane])
                for one in range(1, lane + 1):
                    value = rounded(inputs[step + one] * starts[lane - one] + value)
                value = rounded(value - two[0] * ringing[lane])
                value = rounded(value + two[1] * ringing[lane + 1])
                wave.append(value)
        outputs.append(np.array(wave[6 : len(lines) + 6]))
    return rounded(outputs[0] + rounded(outputs[1] + outputs[2]))


def by_one(lines: Plane) -> Plane:
    """Filter columns as libjxl filters columns."""
    outputs = []
    for frequency, amplitude in zip(*waves(), strict=True):
        start, twice = rounded(np.array([amplitude * np.cos(4 * frequency), 2 * np.cos(frequency)]))
        wave = [np.zeros(lines.shape[1])] * 2
        for value in passing(lines):
            wave.append(rounded(value * start + rounded(twice * wave[-1] - wave[-2])))
        outputs.append(np.array(wave[6 : len(lines) + 6]))
    return rounded(outputs[0] + rounded(outputs[1] + outputs[2]))


def roughly(planes: Plane) -> NDArray[np.float32]:
    """Blur a stack of planes with the rounding errors of libjxl."""
    number, height, width = planes.shape
    rows = by_four(rounded(planes).reshape(-1, width).T).reshape(width, number, height)
    columns = by_one(rows.transpose(2, 1, 0).reshape(height, -1))
    return columns.reshape(height, number, width).swapaxes(0, 1).astype(np.float32)


def opponents(light: Plane) -> Iterator[Plane]:
    mix = np.vstack([ABSORBANCE, 1 - ABSORBANCE.sum(axis=0)]).astype(light.dtype)
    long, medium, short = np.moveaxis(np.cbrt(light @ mix + BIAS) - BIAS ** (1 / 3), 2, 0)
    lightness = (long + medium) / 2
    yield 14 * (long - medium) / 2 + 0.42
    yield lightness + 0.01
    yield short - lightness + 0.55


def halve(light: Plane) -> Plane:
    even = np.pad(light, [(0, light.shape[0] % 2), (0, light.shape[1] % 2), (0, 0)], mode="edge")
    height, width, bands = even.shape
    return np.asarray(even.reshape(height // 2, 2, width // 2, 2, bands).mean(axis=(1, 3)))


def errors(one: Plane, other: Plane, blur: Callable[[Plane], Plane]) -> list[Plane]:
    blurred = blur(np.stack([one, other, one**2, other**2, one * other]))
    mean, other_mean, square, other_square, product = blurred
    variance, other_variance = square - mean**2, other_square - other_mean**2
    covariance = product - mean * other_mean
    luminance = 1 - (mean - other_mean) ** 2
    structure = (2 * covariance + 0.0009) / (variance + other_variance + 0.0009)
    change = (1 + abs(other - other_mean)) / (1 + abs(one - mean)) - 1
    return [np.maximum(error, 0) for error in (1 - luminance * structure, change, -change)]


def plainly(one: Pixels, other: Pixels, blur: Callable[[Plane], Plane] = roughly) -> float:
    """Return the score of two pictures in RGB or gray."""
    lights, number = [], np.float64 if blur is exactly else np.float32
    for pixels in (one, other):
        code = np.broadcast_to(pixels, (*pixels.shape[:2], 3)) / 255
        linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
        lights.append(linear.astype(number))
    scales: list[list[float]] = []
    while len(scales) < 6 and min(lights[0].shape[:2]) >= 8:
        lights = [halve(light) for light in lights] if scales else lights
        scales.append([])
        for channels in zip(*map(opponents, lights), strict=True):
            maps = errors(*channels, blur)
            scales[-1] += [
                float((error.astype(np.float64) ** norm).mean() ** (1 / norm))
                for norm in (1, 4)
                for error in maps
            ]
    terms = np.reshape(scales, (len(scales), 3, 6)).swapaxes(0, 1).ravel()
    x = 0.9562382616834844 * sum(
        weight * terms[place] for place, weight in WEIGHTS.items() if place < len(terms)
    )
    loss = 2.326765642916932 * x - 0.020884521182843837 * x**2 + 6.248496625763138e-05 * x**3
    return float(100 - 10 * loss**0.6276336467831387)


def pixels_of(picture: Image.Image) -> Pixels:
    pixels = np.asarray(picture)
    return pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    return Image.open(BytesIO(encode(picture, "JPEG", quality=quality)))


def noisy(picture: Image.Image) -> Image.Image:
    pixels = np.asarray(picture)
    noise = np.random.default_rng(5).normal(0, 6, pixels.shape)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


def brighter(picture: Image.Image) -> Image.Image:
    return picture.point([min(code + 9, 255) for code in range(256)] * len(picture.getbands()))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "blurred": lambda picture: picture.filter(ImageFilter.GaussianBlur(1)),
    "noisy": noisy,
    "brighter": brighter,
    "jpeg 20": lambda picture: jpeg(picture, 20),
    "jpeg 90": lambda picture: jpeg(picture, 90),
}
PICTURES = {
    "photo": photo(),
    "graphic": graphic(),
    "wider than a piece": photo(1030, 70),
    "higher than a piece": photo(90, 270),
    "odd": photo(131, 77),
    "just high enough for six scales": photo(120, 113),
    "8": photo(8, 8),
    "16": photo(16, 16),
    "17": photo(17, 17),
    "300 × 9": photo(300, 9),
    "gray": photo(150, 99).convert("L"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", PICTURES)
def test_the_score_is_that_of_the_metric_written_out_plainly(name, change):
    reference = pixels_of(PICTURES[name])
    candidate = pixels_of(CHANGES[change](PICTURES[name]))

    assert compare(reference, candidate) == pytest.approx(plainly(reference, candidate), abs=0.15)


@pytest.mark.parametrize(("code", "score"), [(255, -1112.16209645), (4, 3.33007321)])
def test_flat_pictures_score_what_the_reference_program_says(code, score):
    """The scores are of cloudinary/ssimulacra2 at 81feacf."""
    black = np.zeros((64, 64, 3), np.uint8)

    assert compare(black, black + np.uint8(code)) == pytest.approx(score, abs=0.02)


def test_rounding_errors_cost_a_smooth_picture_what_they_cost_in_the_reference():
    ramp = np.linspace(120, 200, 256 * 256).astype(np.uint8).reshape(256, 256, 1)
    sky = Image.fromarray(np.dstack([ramp] * 3))
    reference, candidate = pixels_of(sky), pixels_of(jpeg(sky, 95))

    score = compare(reference, candidate)

    assert score == pytest.approx(plainly(reference, candidate), abs=0.25)
    assert score < plainly(reference, candidate, exactly) - 1


@settings(deadline=None, max_examples=30)
@example(planes=np.ones((1, 3, 1), np.float32))
@given(arrays(np.float32, st.tuples(*[st.integers(1, 40)] * 3), elements=st.floats(0, 1, width=32)))
def test_the_blur_rounds_where_the_reference_rounds(planes):
    blurred = planes.copy()
    blur.recursive(blurred)

    np.testing.assert_array_equal(blurred, roughly(planes))


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 3, 700), (2, 700, 5), (1, 300, 1100)])
def test_both_blurs_are_that_of_the_paper(shape):
    planes = np.random.default_rng(7).random(shape, np.float32)
    expected = exactly(planes.astype(np.float64))

    for plane, exact in zip(planes, expected, strict=True):
        np.testing.assert_allclose(blur.direct(plane), exact, atol=1e-6)
    blur.recursive(planes)
    np.testing.assert_allclose(planes, expected, atol=1e-4)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (7, 3), (7, 30), (8, 8), (16, 16), (131, 77), (260, 230)])
def test_identical_pictures_score_100(mode, size):
    pixels = pixels_of(photo(*size).convert(mode))

    assert compare(pixels, pixels.copy()) == 100


def test_a_single_changed_sample_is_seen():
    reference = pixels_of(photo())
    candidate = reference.copy()
    candidate[100, 100, 1] ^= 1

    assert 99 < compare(reference, candidate) < 100


def test_more_quality_scores_more():
    reference = Reference(pixels_of(photo()))
    scores = [reference.score(pixels_of(jpeg(photo(), quality))) for quality in range(5, 100, 10)]

    assert all(lower < higher for lower, higher in pairwise(scores))


def test_a_candidate_leaves_nothing_behind_in_the_reference():
    reference = Reference(pixels_of(photo()))
    good, bad = pixels_of(jpeg(photo(), 90)), pixels_of(jpeg(photo(), 10))

    first = reference.score(good)
    reference.score(bad)
    assert reference.score(good) == first


@pytest.mark.parametrize("turn", [np.flipud, np.fliplr, lambda pixels: pixels.swapaxes(0, 1)])
def test_turning_both_pictures_changes_no_more_than_rounding_errors(turn):
    reference, candidate = pixels_of(photo(640, 192)), pixels_of(jpeg(photo(640, 192), 50))

    assert compare(turn(reference), turn(candidate)) == pytest.approx(
        compare(reference, candidate), abs=0.1
    )


def test_gray_scores_as_rgb_with_equal_channels():
    one = photo(150, 99).convert("L")
    other = jpeg(one, 40)

    assert compare(pixels_of(one), pixels_of(other)) == pytest.approx(
        compare(pixels_of(one.convert("RGB")), pixels_of(other.convert("RGB"))), abs=1e-3
    )


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_scores_the_worse_of_white_and_dark_ground(mode):
    one = translucent().convert(mode)
    *colors, alpha = one.split()
    other = Image.merge(mode, [*map(noisy, colors), alpha])

    expected = []
    for code in (255, 26):
        ground = Image.new(mode, one.size, (*[code] * len(colors), 255))
        pair = [
            pixels_of(Image.alpha_composite(ground.convert("RGBA"), picture.convert("RGBA")))
            for picture in (one, other)
        ]
        expected.append(plainly(pair[0][:, :, :3], pair[1][:, :, :3]))
    assert compare(pixels_of(one), pixels_of(other)) == pytest.approx(min(expected), abs=0.1)


def test_what_cannot_be_seen_on_white_is_seen():
    reference = np.full((64, 64, 4), 255, np.uint8)
    candidate = reference.copy()
    candidate[20:40, 20:40, 3] = 0

    assert compare(reference, candidate) < 0


def test_colors_under_full_transparency_do_not_count():
    reference, candidate = pixels_of(translucent()), pixels_of(translucent()).copy()
    candidate[candidate[:, :, 3] == 0] = 0

    assert compare(reference, candidate) == 100


@pytest.mark.parametrize("shape", [(64, 63, 3), (63, 64, 3), (64, 64, 1), (64, 64, 4)])
def test_unlike_shapes_cannot_be_compared(shape):
    reference = Reference(np.zeros((64, 64, 3), np.uint8))

    with pytest.raises(ValueError, match="same size"):
        reference.score(np.zeros(shape, np.uint8))


def assembled(pixels: Pixels, *, band_pixels: int) -> dict[tuple[int, int], NDArray[np.float32]]:
    """Return each scale and channel as one blurred plane, put together again from its pieces."""
    wanted = [{xyb.X, xyb.Y, xyb.B}] * 5
    planes: dict[tuple[int, int], list[NDArray[np.float32]]] = {}
    for band in xyb.bands(*pixels.shape[:2], scales=5, pixels=band_pixels):
        for piece in xyb.pieces(pixels, band, wanted):
            plane = planes.setdefault((piece.scale, piece.channel), [])
            plane.append(blur.direct(piece.values)[piece.inner])
    return {key: np.vstack(parts) for key, parts in planes.items()}


@settings(deadline=None, max_examples=20)
@given(st.integers(16, 900), st.integers(16, 60), st.integers(600, 20_000))
def test_bands_change_no_value(height, width, band_pixels):
    pixels = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    whole = assembled(pixels, band_pixels=height * width)
    parts = assembled(pixels, band_pixels=band_pixels)

    assert whole.keys() == parts.keys()
    for key, plane in whole.items():
        np.testing.assert_allclose(parts[key], plane, atol=1e-6)


@pytest.mark.parametrize("size", [(300, 500), (90, 700)])
@pytest.mark.parametrize("kept_bands", [0, 1, 100])
def test_bands_change_no_score(size, kept_bands):
    reference, candidate = pixels_of(photo(*size)), pixels_of(jpeg(photo(*size), 60))
    view = ssimulacra2._View(reference, ground=255, band_pixels=30_000, kept_bands=kept_bands)

    for _ in range(2):
        assert view.score(candidate) == pytest.approx(compare(reference, candidate), abs=1e-3)


WORK = """
import resource
import numpy as np
from pixmill.engine.ssimulacra2 import Reference

tile = np.random.default_rng(1).integers(0, 256, (500, 500, {depth}), dtype=np.uint8)
pixels = np.tile(tile, ({megapixels}, 4, 1))
candidate = pixels ^ 1
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
Reference(pixels).score(candidate)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


# All of the smaller one is kept ready, and none of the larger one.
@pytest.mark.parametrize(("megapixels", "depth"), [(10, 3), (40, 4)])
def test_large_pictures_are_compared_in_little_memory(megapixels, depth):
    command = [sys.executable, "-c", WORK.format(megapixels=megapixels, depth=depth)]
    printed = subprocess.run(command, check=True, capture_output=True).stdout

    assert int(printed) < 300_000  # kilobytes, besides the pictures


@settings(deadline=None)
@given(st.data())
def test_any_two_pictures_of_one_shape_have_a_score_up_to_100(data):
    shape = data.draw(
        st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 2, 3, 4]))
    )
    reference, candidate = (data.draw(arrays(np.uint8, shape)) for _ in range(2))

    score = compare(reference, candidate)

    assert math.isfinite(score)
    assert score <= 100
