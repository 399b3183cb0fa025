"""What is put under transparency, and when that is refused."""

import pytest

from pixmill import errors
from pixmill.engine.optimize import optimize
from pixmill.engine.types import Limits, Options

from fixtures.pictures import decoded, encode, graphic, translucent

LIMITS = Limits()
CLEAR = encode(translucent(), "PNG")
BLUE = (0, 0, 250)


def test_without_a_background_what_is_transparent_is_refused() -> None:
    with pytest.raises(errors.MissingBackground):
        optimize(CLEAR, Options(format="jpeg", background=None), LIMITS)


def test_alpha_that_hides_nothing_needs_no_background() -> None:
    solid = encode(graphic().convert("RGBA"), "PNG")

    assert optimize(solid, Options(format="jpeg", background=None), LIMITS).format == "jpeg"


def test_a_format_that_needs_no_background_is_chosen() -> None:
    options = Options(format="auto", accept=("jpeg", "png"), background=None)

    assert optimize(CLEAR, options, LIMITS).format == "png"


@pytest.mark.parametrize("format_", [None, "webp", "jpeg"])
def test_all_alpha_can_be_filled(format_: str | None) -> None:
    result = optimize(CLEAR, Options(format=format_, background=BLUE, fill=True), LIMITS)
    shown = decoded(result.data).convert("RGBA").getpixel((2, 60))

    assert isinstance(shown, tuple)
    assert shown[3] == 255
    assert sum(abs(a - b) for a, b in zip(shown, BLUE, strict=False)) < 24
