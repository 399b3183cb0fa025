"""Imports that wait until a command needs them."""

import gc
from importlib import import_module
from typing import Any


def load(reference: str) -> Any:  # noqa: ANN401 - whatever it names
    """Return what ``module:name`` names, which takes a while to import."""
    module, _, name = reference.partition(":")
    gc.disable()  # what is imported stays; to look for garbage in it would take a fifth of the time
    try:
        return getattr(import_module(module), name)
    finally:
        gc.enable()
