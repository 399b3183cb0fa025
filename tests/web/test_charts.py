"""Charts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixmill.web.charts import HEIGHT, WIDTH, Column, stacked

NAMES = ("made new", "from the cache", "errors")

#: What can be counted: nothing, a few, or billions of them.
counts = st.one_of(st.just(0), st.integers(1, 50), st.integers(0, 10**12))
columns = st.lists(
    st.builds(Column, label=st.just("Nov 3"), values=st.tuples(counts, counts, counts)),
    max_size=400,
)


@given(columns)
def test_bars_stay_inside_and_do_not_cover_each_other(given: list[Column]) -> None:
    chart = stacked(given, names=NAMES, write=str)

    tops: dict[float, float] = {}
    for bar in chart.bars:
        assert bar.x >= 0
        assert bar.x + bar.width <= WIDTH + 0.1
        assert bar.y >= -0.02
        assert bar.y + bar.height <= HEIGHT + 0.02
        # Those of a column lie on top of each other, from the bottom up.
        assert bar.y + bar.height == pytest.approx(tops.get(bar.x, HEIGHT), abs=0.02)
        tops[bar.x] = bar.y
    assert len(tops) == sum(any(column.values) for column in given)


@given(columns)
def test_heights_add_up_to_what_the_column_is_of_the_scale(given: list[Column]) -> None:
    chart = stacked(given, names=NAMES, write=str)

    heights: dict[float, float] = {}
    for bar in chart.bars:
        assert bar.height >= 1  # whatever there is can be seen
        heights[bar.x] = heights.get(bar.x, 0) + bar.height
    seen = [column for column in given if any(column.values)]
    for column, height in zip(seen, heights.values(), strict=True):
        # What would be too small to be seen is one unit high.
        assert height == pytest.approx(HEIGHT * sum(column.values) / chart.top, abs=3)


@given(columns)
def test_the_scale_can_be_read_and_is_not_much_too_large(given: list[Column]) -> None:
    chart = stacked(given, names=NAMES, write=str)

    highest = max((sum(column.values) for column in given), default=0)
    assert len(f"{chart.top:.0f}".strip("0")) <= 1
    assert chart.top >= highest
    assert chart.top <= max(1, 2 * highest)


def test_a_bar_says_what_it_is() -> None:
    chart = stacked(
        [Column("Nov 3", (1200.0, 0.0, 3.0))], names=NAMES, write=lambda number: f"{number:,.0f}"
    )

    assert [bar.title for bar in chart.bars] == ["Nov 3: 1,200 made new", "Nov 3: 3 errors"]
    assert [bar.series for bar in chart.bars] == [1, 3]


@pytest.mark.parametrize("given", [[], [Column("Nov 3", (0.0, 0.0))]])
def test_without_anything_to_draw_it_is_empty(given: list[Column]) -> None:
    assert stacked(given, names=NAMES, write=str).empty
