"""The one way through the engine: probe → plan → decode → transform → encode."""

import struct

import ajpegli
import cv2
import oxipng
import pyvips

from pixmill import errors
from pixmill.engine import codecs
from pixmill.engine.decode import decode
from pixmill.engine.plan import plan
from pixmill.engine.probe import probe
from pixmill.engine.rescan import rescan, sound
from pixmill.engine.transform import transform
from pixmill.engine.types import How, Limits, Options, Plan, Result

#: A result above this share of the upload lost quality for next to nothing: try without loss.
WORTH_A_LOSS = 0.90

#: How much larger than the re-encoded result a lossless one may be and still be preferred.
PRICE_OF_LOSSLESS = 1.03

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


def optimize(data: bytes, options: Options, limits: Limits) -> Result:
    """
    Return *data* compressed, converted or resized as *options* say.

    Raises UnreadableImage or one of its kinds when *data* is at fault, and BadOption or one of its
    kinds when *options* cannot be met. The result of a same-format call without a resize never has
    more bytes than *data*.
    """
    steps = plan(probe(data), options, limits)
    try:
        encoded, how = _encode(data, steps)
        frames = _frames(encoded, steps)
    except MemoryError:
        raise errors.TooCostly from None
    except _BROKEN as error:
        raise errors.UnreadableImage(detail=f"{type(error).__name__}: {error}") from error
    width, height = steps.size
    return Result(
        data=encoded,
        format=steps.format,
        width=width,
        height=height,
        frames=frames,
        how=how,
        source=steps.source,
    )


def _encode(data: bytes, steps: Plan) -> tuple[bytes, How]:
    picture = transform(decode(data, steps), steps)
    codec = codecs.get(steps.format)
    encoded = codec.encode(picture, steps)
    if steps.lossless and not codec.lossless:  # the floor is the one way to change no pixel
        return _floor(data, steps)
    # Without loss a picture cannot be turned, only be labeled as turned, and not all heed labels.
    enough = 1.0 if steps.source.orientation != 1 else WORTH_A_LOSS
    if not steps.floor or len(encoded) <= enough * len(data):
        return encoded, "encoded"
    lossless, how = _floor(data, steps)
    price = 1.0 if steps.source.lossless else PRICE_OF_LOSSLESS
    fits = len(encoded) <= len(data)
    if fits and (len(lossless) > price * len(encoded) or not sound(lossless)):
        return encoded, "encoded"
    if not fits and not sound(lossless):
        raise errors.UnreadableImage(detail="one decoder reads it and another does not")
    return lossless, how


def _floor(data: bytes, steps: Plan) -> tuple[bytes, How]:
    lossless = rescan(data, steps)
    return lossless, "original" if lossless == data else "rescanned"


def _frames(encoded: bytes, steps: Plan) -> int:
    """Return how many frames were written: encoders merge those that do not differ."""
    return probe(encoded).frames if steps.animated else 1
