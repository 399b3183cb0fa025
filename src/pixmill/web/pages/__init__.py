"""One module per part of the website, each with its PAGES."""

from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules

from pixmill.web.page import Page


def all_pages() -> Sequence[Page]:
    """Return the pages of all modules here."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    return [page for module in modules for page in module.PAGES]
