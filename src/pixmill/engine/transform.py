"""What happens to pixels between decoding and encoding: resize, turn, convert, flatten."""

from collections.abc import Callable
from dataclasses import replace

import pyvips

from pixmill import errors
from pixmill.engine import codecs, crop
from pixmill.engine.color import convert
from pixmill.engine.decode import TURNED_BY_DECODER
from pixmill.engine.resample import scaled
from pixmill.engine.types import Picture, Plan

#: libvips' names of what makes an image an animation.
_ANIMATION_FIELDS = ("delay", "loop", "page-height", "n-pages", "gif-delay", "gif-loop")

#: Alpha that hides nothing, by the format of a band.
_SOLID = {"uchar": 255, "ushort": 65_535}


def transform(picture: Picture, plan: Plan) -> Picture:
    """Return *picture* as *plan* wants it written."""
    for step in (_resize, _turn, _convert, _flatten, _label):
        picture = step(picture, plan)
    return picture


def _resize(picture: Picture, plan: Plan) -> Picture:
    if not plan.resize:
        return picture
    width, height = plan.size
    if _orientation(plan) >= 5:
        width, height = height, width

    if picture.image.interpretation == "cmyk":
        picture = _convert(picture, plan)
    if plan.crop == "thumb" and picture.frames == 1:
        return _each_frame(picture, lambda frame: crop.thumb(frame, width, height))
    if plan.crop:
        # Frame by frame, the eye would wander.
        where: crop.Where = "attention" if picture.frames == 1 else "centre"
        return _each_frame(picture, lambda frame: crop.cover(frame, width, height, where))
    return _each_frame(picture, lambda frame: scaled(frame, width, height))


def _turn(picture: Picture, plan: Plan) -> Picture:
    """Apply the EXIF orientation (Exif 2.32 §4.6.4 A) to the pixels."""
    orientation = _orientation(plan)
    turn = _TURNS.get(orientation)
    if turn is None:
        return picture
    if orientation != 2:  # all but a mirror image need rows in another order than they come
        picture = replace(picture, image=picture.image.copy_memory())
    return _each_frame(picture, turn)


_TURNS: dict[int, Callable[[pyvips.Image], pyvips.Image]] = {
    2: lambda image: image.fliphor(),
    3: lambda image: image.rot180(),
    4: lambda image: image.flipver(),
    5: lambda image: image.rot90().fliphor(),
    6: lambda image: image.rot90(),
    7: lambda image: image.rot90().flipver(),
    8: lambda image: image.rot270(),
}


def _convert(picture: Picture, plan: Plan) -> Picture:
    image = convert(picture.image, plan, codecs.get(plan.format))
    return replace(picture, image=image)


def _flatten(picture: Picture, plan: Plan) -> Picture:
    if plan.flatten is None or not picture.image.hasalpha():
        return picture
    image = picture.image
    if plan.opaque:
        image = image.copy_memory()  # its rows come only once, and are wanted afterwards
        if image[image.bands - 1].min() < _SOLID[image.format]:
            raise errors.MissingBackground
    if image.bands == 2:
        red, green, blue = plan.flatten
        if red != green or green != blue:
            image = image.colourspace("srgb")
    background = list(plan.flatten) if image.bands == 4 else [plan.flatten[0]]
    return replace(picture, image=image.flatten(background=background))


def _label(picture: Picture, plan: Plan) -> Picture:
    """Tell libvips' savers what the pixels are: upright, and an animation or not."""
    image = picture.image.copy()
    for name in _ANIMATION_FIELDS:
        if image.get_typeof(name):
            image.remove(name)
    if plan.animated:
        image.set_type(pyvips.GValue.array_int_type, "delay", list(picture.delays))
        image.set_type(pyvips.GValue.gint_type, "loop", picture.loops)
        image.set_type(pyvips.GValue.gint_type, "page-height", picture.page_height)
    if image.get_typeof("orientation"):
        image.set_type(pyvips.GValue.gint_type, "orientation", 1)
    return replace(picture, image=image)


def _each_frame(picture: Picture, change: Callable[[pyvips.Image], pyvips.Image]) -> Picture:
    """Apply *change* to each frame by itself, so that none bleeds into the next."""
    if picture.frames == 1:
        image = change(picture.image)
        return replace(picture, image=image, page_height=image.height)
    roll = picture.image.copy_memory()
    frames = [
        change(roll.crop(0, index * picture.page_height, roll.width, picture.page_height))
        for index in range(picture.frames)
    ]
    return replace(
        picture, image=pyvips.Image.arrayjoin(frames, across=1), page_height=frames[0].height
    )


def _orientation(plan: Plan) -> int:
    # Pillow, which decodes sequences, leaves the turning to its callers.
    turned = plan.source.format in TURNED_BY_DECODER and not plan.animated
    return 1 if turned else plan.source.orientation
