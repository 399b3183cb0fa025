"""The API surfaces: one module or package each, which exposes ``DIALECT``."""

import importlib
import pkgutil
from functools import cache

from pixmill.http.dialect import Dialect


@cache
def all_dialects() -> tuple[Dialect, ...]:
    """Import every module in this package and collect its ``DIALECT``."""
    found: dict[str, Dialect] = {}
    for info in pkgutil.iter_modules(__path__):
        dialect = importlib.import_module(f"{__name__}.{info.name}").DIALECT
        assert isinstance(dialect, Dialect)
        assert dialect.name not in found, f"two dialects are called {dialect.name!r}"
        found[dialect.name] = dialect
    return tuple(found.values())
