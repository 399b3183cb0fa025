import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixmill import errors
from pixmill.http import fields


@pytest.mark.parametrize("value", ["true", "1", "yes", "on", "TRUE", " On "])
def test_words_for_true(value: str) -> None:  # OP-33
    assert fields.truth({"flag": value}, "flag", default=False) is True


@pytest.mark.parametrize("value", ["false", "0", "no", "off", "False"])
def test_words_for_false(value: str) -> None:  # OP-33
    assert fields.truth({"flag": value}, "flag", default=True) is False


@pytest.mark.parametrize("default", [True, False])
@pytest.mark.parametrize("form", [{}, {"flag": ""}, {"flag": "  "}])
def test_an_empty_truth_value_is_the_default(form: dict[str, str], *, default: bool) -> None:
    assert fields.truth(form, "flag", default=default) is default  # OP-34


@pytest.mark.parametrize("value", ["maybe", "2", "tru", "ja"])
def test_other_words_are_no_truth_value(value: str) -> None:  # OP-33
    with pytest.raises(errors.BadOption, match='"flag" must be true or false'):
        fields.truth({"flag": value}, "flag", default=True)


@given(st.integers(-(10**17), 10**17))
def test_whole_numbers_are_read(number: int) -> None:
    assert fields.whole({"width": f" {number} "}, "width") == number


@pytest.mark.parametrize("value", ["1.5", "1e3", "0x10", "ten", "1_000", "٣", "9" * 30, "--1"])
def test_other_text_is_no_whole_number(value: str) -> None:  # OP-32, OP-58
    with pytest.raises(ValueError, match="width"):
        fields.whole({"width": value}, "width")


def test_an_empty_number_was_not_sent() -> None:  # OP-34
    assert fields.whole({"width": ""}, "width") is None
