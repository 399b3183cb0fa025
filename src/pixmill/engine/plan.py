"""What will be done to an image: decided from its header and the caller's options alone."""

from dataclasses import replace

from pixmill import errors
from pixmill.engine import codecs
from pixmill.engine.quality import score_of
from pixmill.engine.types import AUTO, MOST_EFFORT, Codec, Crop, ImageInfo, Limits, Options, Plan

# Encoders get less time a pixel as pictures grow, so that the largest that is accepted still
# finishes within the deadline. The steps are in pixels of the result over all frames.
EFFORT_STEPS = (4_000_000, 12_000_000, 25_000_000)

#: As so many times the pixels counts a picture that may have to be made to fit: more encodes.
FITTING = 2

#: Pixels of the largest result that is measured; beyond it, encoders are believed.
MOST_MEASURED = EFFORT_STEPS[-1]

#: Pixels up to which time does not count for those who say so.
MOST_PATIENCE = 1_500_000

#: The looks that have a name, in SSIMULACRA2 (design: one look, one scale).
MODES = {"size": 63.0, "balanced": 73.0, "quality": 83.0, "max": 63.0}

#: The scores that can be asked for.
TARGETS = (30, 95)

# Bytes a pixel that a picture takes which results are held against, and at most (`ssimulacra2`).
MEASURING = 26
MOST_MEASURING = 440_000_000

_WHITE = (255, 255, 255)

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


def plans(info: ImageInfo, options: Options, limits: Limits) -> tuple[Plan, ...]:
    """
    Return what *options* may mean for the image that *info* describes, a plan for each format.

    It is one plan, unless the format is left to us. Raises TooManyPixels, UnknownFormat or
    BadDimensions, and BadOption when options contradict each other or the format.
    """
    check(info, limits)
    if options.format is None and options.keeps and info.format not in options.keeps:
        options = replace(options, format=AUTO)
    if options.format != AUTO:
        return (_plan(info, options, limits, _codec(info, options)),)
    found = []
    refusal: errors.Error | None = None
    for codec in _acceptable(info, options):
        try:
            found.append(_plan(info, options, limits, codec))
        except errors.BadOption as error:
            refusal = error
    if refusal and not found:
        raise refusal
    return tuple(found)


def _plan(info: ImageInfo, options: Options, limits: Limits, codec: Codec) -> Plan:
    animated = _animated(info, codec)
    size = result_size(info.upright_size, options)
    resize = size != info.upright_size
    pixels = size[0] * size[1] * (info.frames if animated else 1)
    _check_result(codec, size, pixels, limits)
    filled = options.fill and info.alpha
    floor = codec.name == info.format and not resize and not filled
    lossless = options.lossless or options.mode == "lossless"
    if lossless and not codec.lossless and not floor:
        raise errors.BadOption(
            f"{codec.name.upper()} cannot be written without loss; ask for another format."
        )
    score, asked = _look(options)
    measured = asked and pixels <= MOST_MEASURED
    if lossless and options.target is not None:
        raise errors.BadOption("Without loss there is no look to aim at; leave out one of the two.")
    work = pixels if options.max_bytes is None else pixels * FITTING
    effort = sum(work <= step for step in EFFORT_STEPS)
    return Plan(
        source=info,
        format=codec.name,
        score=score,
        measured=measured,
        lossless=lossless,
        max_bytes=options.max_bytes,
        animated=animated,
        size=size,
        resize=resize,
        crop=_crop(options) if resize else None,
        keep_metadata=options.metadata == "keep",
        flatten=None if codec.alpha and not filled else options.background or _WHITE,
        opaque=options.background is None and not codec.alpha,
        floor=floor,
        effort=MOST_EFFORT if options.mode == "max" and pixels <= MOST_PATIENCE else effort,
    )


def _look(options: Options) -> tuple[float, bool]:
    """Return the score to reach, and whether measuring is to see to it."""
    low, high = TARGETS
    if options.max_bytes is not None and options.max_bytes < 1:
        raise errors.BadOption("The largest size must be at least 1 byte.")
    if options.target is not None:
        if not low <= options.target <= high:  # refuses NaN, too
            raise errors.BadOption(f"The target must be a score from {low} to {high}.")
        return options.target, True
    if options.mode in MODES:
        return MODES[options.mode], True
    return score_of(options.quality), options.smart


def _animated(info: ImageInfo, codec: Codec) -> bool:
    return info.frames > 1 and (
        codec.animation == "always" or (codec.animation == "same" and codec.name == info.format)
    )


def _acceptable(info: ImageInfo, options: Options) -> list[Codec]:
    """
    Return the formats that `AUTO` may choose, without those that lose frames, or bits unasked.

    Those that hold alpha come first: whether there is any that shows is known only from the pixels.
    """
    accepted = [
        codec
        for name, codec in codecs.all_codecs().items()
        if codec.weights and (not options.accept or name in options.accept)
    ]
    if not accepted:
        known = ", ".join(
            sorted(codec.name for codec in codecs.all_codecs().values() if codec.weights)
        )
        raise errors.UnknownFormat(f"At least one of {known} must be accepted.")
    still = [codec for codec in accepted if info.frames == 1 or _animated(info, codec)] or accepted
    if options.lossless or options.mode == "lossless":
        still = [codec for codec in still if codec.max_depth >= info.depth] or still
    return sorted(still, key=lambda codec: not codec.alpha)


def result_size(size: tuple[int, int], options: Options) -> tuple[int, int]:
    """
    Return width and height of the result for an upright source of *size*.

    The side that is not given follows the aspect ratio, rounded half up, at least 1 (OP-56).
    """
    width, height = size
    if options.width and options.height and _crop(options):
        return _cut(size, (options.width, options.height))
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


def _cut(size: tuple[int, int], wanted: tuple[int, int]) -> tuple[int, int]:
    """Return *wanted*, or the largest size of that shape that *size* has pixels for."""
    (width, height), (across, down) = size, wanted
    if across <= width and down <= height:
        return wanted
    if width * down <= height * across:
        return width, min(height, _scaled(down, width, across))
    return min(width, _scaled(across, height, down)), height


def _crop(options: Options) -> Crop | None:
    match options.fit:
        case "cover" | "thumb" as crop if options.width and options.height:
            return crop
    return None


def memory_size(plan: Plan) -> int:
    """Return the bytes that carrying out *plan* may take at its peak, for admission."""
    codec = codecs.get(plan.format)
    source = plan.source
    # A whole decoded picture is held when rows are not delivered in order.
    decoded = source.pixels if plan.animated else source.width * source.height
    per_pixel = 8 if source.depth > 8 or source.colors == "cmyk" else 4
    if plan.crop:  # what is cut is held once more, before it is
        decoded *= 2
    if source.progressive:  # the decoder keeps every coefficient until the last scan
        per_pixel += 6
    frames = FRAME_SIZE * source.frames
    measured = plan.measured or plan.max_bytes is not None  # what is made to fit is measured, too
    held = min(plan.size[0] * plan.size[1] * MEASURING, MOST_MEASURING) if measured else 0
    return decoded * per_pixel + plan.pixels * codec.bytes_per_pixel + frames + held


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
