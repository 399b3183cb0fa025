"""Libraries that an installation may do without; each is None where it is absent."""

import importlib
from typing import Any


def _optional(name: str) -> Any:  # noqa: ANN401 - a module or None, and modules have no type
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


#: Decodes HEIC (extra ``heic``).
pillow_heif = _optional("pillow_heif")

#: Writes JPEG XL (extra ``jxl``). The package itself would look its fifty codecs up one by one.
libjxl = _optional("imagecodecs._jpegxl")
