"""The root of all expected failures."""

from collections.abc import Mapping
from typing import ClassVar, TypeVar

T = TypeVar("T")


class Error(Exception):
    """
    Something went wrong.

    Superclass of all expected failures; never raised directly. ``str(error)`` is safe to show to
    the caller: it names no path, address or library. Anything else goes into *detail*, which is
    logged and never sent.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str | None = None, *, detail: str = "") -> None:
        super().__init__(message or (self.__doc__ or "").strip().split("\n", 1)[0])
        self.detail = detail

    def look_up(self, table: Mapping[type["Error"], T]) -> T:
        """Return the row for this class, or for its nearest ancestor in *table*."""
        return next(table[cls] for cls in type(self).__mro__ if cls in table)
