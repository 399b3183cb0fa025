"""Where the upload itself is the better result: never more bytes, and no second loss at no gain."""

from pixmill import errors
from pixmill.engine import codecs
from pixmill.engine.looks import coded_look
from pixmill.engine.rescan import rescan, sound
from pixmill.engine.types import How, Plan

#: A result above this share of the upload lost quality for next to nothing: try without loss.
WORTH_A_LOSS = 0.90

#: How much larger than the re-encoded result a lossless one may be and still be preferred.
PRICE_OF_LOSSLESS = 1.03

#: Points by which an upload must look better than what is asked for, to be worth a second loss.
WORTH_A_SECOND_LOSS = 2.5


def optimized_already(data: bytes, plan: Plan) -> bool:
    """
    Say whether the upload was coded at no better a look than *plan* asks for.

    Coding it again would lose twice and save next to nothing. So is an upload that is to lose
    nothing, in a format that always loses something.
    """
    if not plan.floor:
        return False
    if plan.lossless and not codecs.get(plan.format).lossless:
        return True  # the one way to change no pixel
    if plan.source.orientation != 1:
        return False
    if plan.max_bytes is not None and len(data) > plan.max_bytes:
        return False
    coded = coded_look(data, plan.source)
    return coded is not None and coded <= plan.score + WORTH_A_SECOND_LOSS


def without_loss(data: bytes, plan: Plan) -> tuple[bytes, How]:
    """Return the upload's own pixels in the fewest bytes. Raises UnreadableImage, DoesNotFit."""
    result, how = _rescanned(data, plan)
    if not sound(result):
        raise errors.UnreadableImage(detail="one decoder reads it and another does not")
    if plan.max_bytes is not None and len(result) > plan.max_bytes:
        raise errors.DoesNotFit(detail=f"without loss it has {len(result)} bytes")
    return result, how


def settled(data: bytes, plan: Plan, encoded: bytes) -> tuple[bytes, How]:
    """Return *encoded*, or the upload's own pixels where they are worth more. Raises as above."""
    # Without loss a picture cannot be turned, only be labeled as turned, and not all heed labels.
    enough = 1.0 if plan.source.orientation != 1 else WORTH_A_LOSS
    if not plan.floor or len(encoded) <= enough * len(data):
        return encoded, "encoded"
    lossless, how = _rescanned(data, plan)
    price = 1.0 if plan.source.lossless else PRICE_OF_LOSSLESS
    most = plan.max_bytes or len(data)
    fits = len(encoded) <= len(data)
    dear = len(lossless) > min(price * len(encoded), most)
    if fits and (dear or not sound(lossless)):
        return encoded, "encoded"
    if not fits and not sound(lossless):
        raise errors.UnreadableImage(detail="one decoder reads it and another does not")
    return lossless, how


def _rescanned(data: bytes, plan: Plan) -> tuple[bytes, How]:
    lossless = rescan(data, plan)
    return lossless, "original" if lossless == data else "rescanned"
