"""What will be done to an image: decided from its header and the caller's options alone."""

from pixmill import errors
from pixmill.engine import codecs
from pixmill.engine.types import Codec, ImageInfo, Limits, Options, Plan

# Encoders get less time a pixel as pictures grow, so that the largest that is accepted still
# finishes within the deadline. The steps are in pixels of the result over all frames.
EFFORT_STEPS = (4_000_000, 12_000_000, 25_000_000)

# libvips multiplies by whole frames; without a margin an animation of 1×1 frames would look free.
FRAME_SIZE = 4096


def check(info: ImageInfo, limits: Limits) -> None:
    """Refuse what is too large to be read. Raises TooManyPixels."""
    if max(info.width, info.height) > limits.max_side:
        raise errors.TooManyPixels(f"The image has a side of more than {limits.max_side} pixels.")
    if info.frames > limits.max_frames:
        raise errors.TooManyPixels(f"The image has more than {limits.max_frames} frames.")
    if info.pixels > limits.max_pixels:
        raise errors.TooManyPixels(
            f"The image has more than {limits.max_pixels} pixels, counted over all its frames."
        )


def plan(info: ImageInfo, options: Options, limits: Limits) -> Plan:
    """
    Return what *options* mean for the image that *info* describes.

    Raises TooManyPixels, UnknownFormat or BadDimensions, and BadOption when the format cannot be
    written without loss.
    """
    check(info, limits)
    codec = _codec(info, options)
    animated = info.frames > 1 and (
        codec.animation == "always" or (codec.animation == "same" and codec.name == info.format)
    )
    size = result_size(info.upright_size, options)
    resize = size != info.upright_size
    pixels = size[0] * size[1] * (info.frames if animated else 1)
    _check_result(codec, size, pixels, limits)
    floor = codec.name == info.format and not resize
    if options.lossless and not codec.lossless and not floor:
        raise errors.BadOption(
            f"{codec.name.upper()} cannot be written without loss; ask for another format."
        )
    return Plan(
        source=info,
        format=codec.name,
        quality=options.quality,
        lossless=options.lossless,
        animated=animated,
        size=size,
        resize=resize,
        keep_metadata=options.metadata == "keep",
        flatten=None if codec.alpha else options.background,
        floor=floor,
        effort=sum(pixels <= step for step in EFFORT_STEPS),
    )


def result_size(size: tuple[int, int], options: Options) -> tuple[int, int]:
    """
    Return width and height of the result for an upright source of *size*.

    The side that is not given follows the aspect ratio, rounded half up, at least 1 (OP-56).
    """
    width, height = size
    if options.width and options.height and options.fit == "exact":
        wanted = options.width, options.height
        return wanted if options.enlarge else (min(wanted[0], width), min(wanted[1], height))
    ratios = [
        (limit / side, limit, axis)
        for axis, (limit, side) in enumerate(((options.width, width), (options.height, height)))
        if limit
    ]
    if not ratios:
        return size
    ratio, limit, axis = min(ratios)
    if ratio >= 1 and not options.enlarge:
        return size
    if axis == 0:
        return limit, _scaled(height, limit, width)
    return _scaled(width, limit, height), limit


def memory_size(plan: Plan) -> int:
    """Return the bytes that carrying out *plan* may take at its peak, for admission."""
    codec = codecs.get(plan.format)
    source = plan.source
    # A whole decoded picture is held when rows are not delivered in order.
    decoded = source.pixels if plan.animated else source.width * source.height
    per_pixel = 8 if source.depth > 8 or source.colors == "cmyk" else 4
    if source.progressive:  # the decoder keeps every coefficient until the last scan
        per_pixel += 6
    frames = FRAME_SIZE * source.frames
    return decoded * per_pixel + plan.pixels * codec.bytes_per_pixel + frames


def _codec(info: ImageInfo, options: Options) -> Codec:
    """Return the codec of the result: the one asked for, or the source's own where there is one."""
    if options.format is not None:
        return codecs.get(options.format)
    if info.format in codecs.names():
        return codecs.get(info.format)
    return codecs.get("png" if info.alpha else "jpeg")


def _check_result(codec: Codec, size: tuple[int, int], pixels: int, limits: Limits) -> None:
    if max(size) > codec.max_side:
        raise errors.BadDimensions(
            f"{codec.name.upper()} holds at most {codec.max_side} pixels a side and the result "
            f"would have {max(size)}; ask for a smaller width or height, or for another format."
        )
    if pixels > limits.max_result_pixels:
        raise errors.BadDimensions(
            f"The result would have more than {limits.max_result_pixels} pixels."
        )


def _scaled(side: int, numerator: int, denominator: int) -> int:
    return max(1, (2 * side * numerator + denominator) // (2 * denominator))
