"""The output formats: every public module in here is one, and is found by its ``CODEC``."""

import importlib
import pkgutil
from functools import cache

from pixmill import errors
from pixmill.engine.types import Codec


@cache
def all_codecs() -> dict[str, Codec]:
    """Import every module of this package and return the codecs that work here, by name."""
    found: dict[str, Codec] = {}
    for module in pkgutil.iter_modules(__path__):
        codec = importlib.import_module(f"{__name__}.{module.name}").CODEC
        assert isinstance(codec, Codec)
        assert codec.name not in found, f"two codecs are called {codec.name}"
        if codec.available():
            found[codec.name] = codec
    return found


def names() -> frozenset[str]:
    """Return the names of the formats that can be written."""
    return frozenset(all_codecs())


def get(name: str) -> Codec:
    """Return the codec called *name*. Raises UnknownFormat."""
    try:
        return all_codecs()[name]
    except KeyError:
        known = ", ".join(sorted(names()))
        raise errors.UnknownFormat(f"The format must be one of {known}.") from None
