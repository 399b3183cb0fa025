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


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), (80, "80"), (80.0, "80"), (79.5, "79.5"), ("", None)],
)
def test_values_of_json_read_like_those_of_a_form(value: object, text: str | None) -> None:
    assert fields.text({"field": value}, "field") == text
    assert fields.text({"field": None}, "field") is None


@pytest.mark.parametrize("value", [[], ["80"], {}, {"value": 80}])
def test_a_list_is_no_single_value(value: object) -> None:
    with pytest.raises(errors.BadOption, match='"field" must be a single value'):
        fields.text({"field": value}, "field")


def test_a_truth_value_of_json_is_one() -> None:
    assert fields.truth({"flag": True}, "flag", default=False) is True
    assert fields.truth({"flag": 0}, "flag", default=True) is False
    assert fields.truth({"flag": None}, "flag", default=True) is True


@given(st.floats(-1e6, 1e6).map(lambda number: round(number, 6)))
def test_numbers_are_read(number: float) -> None:
    assert fields.number({"target": f" {number:.6f} "}, "target") == number


@pytest.mark.parametrize(
    "value", ["nan", "inf", "-inf", "1e3", "0x10", ".5", "5.", "1,5", "ten", "٣", "9" * 30, True]
)
def test_other_text_is_no_number(value: object) -> None:
    with pytest.raises(ValueError, match="target"):
        fields.number({"target": value}, "target")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_numbers_without_end_are_none(value: float) -> None:
    with pytest.raises(ValueError, match="target"):
        fields.number({"target": value}, "target")
