"""Whose fault it is when a library raises."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager

import ajpegli
import cv2
import oxipng
import pyvips

from pixmill import errors

#: What the libraries raise at bytes that they cannot make sense of.
_BROKEN = (
    ajpegli.AjpegliError,
    cv2.error,
    oxipng.PngError,
    pyvips.Error,
    ArithmeticError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,  # imagecodecs' and Pillow's word for what their C libraries refuse
    SyntaxError,  # Pillow's word for a broken PNG
    TypeError,
    ValueError,
    struct.error,
)


@contextmanager
def blaming_the_image() -> Iterator[None]:
    """Turn what libraries raise at a picture into UnreadableImage, or TooCostly."""
    try:
        yield
    except MemoryError:
        raise errors.TooCostly from None
    except _BROKEN as error:
        raise errors.UnreadableImage(detail=f"{type(error).__name__}: {error}") from error
