"""What commands print."""

import pytest

from pixmill.cli.console import size


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (1023, "1023 B"), (-2048, "-2 KiB"), (20 << 20, "20 MiB"), (5 << 40, "5 TiB")],
)
def test_sizes_are_worded(value: int, text: str) -> None:
    assert size(value) == text
