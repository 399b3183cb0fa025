"""Colors: from whatever a file came in to sRGB, once, and only when the profile will go."""

import struct

import pyvips

from pixmill.engine.types import Codec, Plan

#: The primaries of sRGB adapted to D50, as ICC profiles store them (IEC 61966-2-1, ICC.1:2022 D.5).
_SRGB_PRIMARIES = {
    b"rXYZ": (0.4361, 0.2225, 0.0139),
    b"gXYZ": (0.3851, 0.7169, 0.0971),
    b"bXYZ": (0.1431, 0.0606, 0.7141),
}

#: Points of its curve (IEC 61966-2-1), none of them where tables of few entries are coarse.
_SRGB_CURVE = ((0.25, 0.0509), (0.5, 0.2140), (0.75, 0.5225))

_GREY = {"b-w", "grey16"}


def convert(image: pyvips.Image, plan: Plan, codec: Codec) -> pyvips.Image:
    """
    Return *image* in colors that *codec* can store, with no profile unless the plan keeps it.

    CMYK always becomes sRGB: its profiles are half a megabyte and few programs honor them.
    """
    grey = image.interpretation in _GREY
    profile = _profile(image)
    keeps = (
        plan.keep_metadata
        and codec.profile
        and profile is not None
        and image.interpretation != "cmyk"
    )
    if profile is not None and not keeps and not (is_srgb(profile) and not grey):
        image = _to_srgb(image, grey=grey)
    elif image.interpretation == "cmyk":
        image = image.colourspace("srgb")
    if not keeps and profile is not None:
        image = image.copy()
        image.remove("icc-profile-data")
    return _to_depth(image, plan, codec, grey=grey)


def is_srgb(profile: bytes) -> bool:
    """Say whether *profile* has sRGB's primaries and curves, whatever it calls itself."""
    tags = _tags(profile)
    try:
        return all(
            abs(value / 65536 - expected) <= 0.003
            for tag, wanted in _SRGB_PRIMARIES.items()
            for value, expected in zip(struct.unpack_from(">3i", tags[tag], 8), wanted, strict=True)
        ) and all(
            abs(_linear(tags[tag], x) - y) <= 0.01
            for tag in (b"rTRC", b"gTRC", b"bTRC")
            for x, y in _SRGB_CURVE
        )
    except (ArithmeticError, KeyError, ValueError, struct.error):
        return False


def _linear(curve: bytes, x: float) -> float:
    """Return the light that *curve*, a ``curv`` or ``para`` tag, gives to *x* (ICC.1:2022 §10)."""
    if curve[:4] == b"curv":
        (count,) = struct.unpack_from(">I", curve, 8)
        values = struct.unpack_from(f">{count}H", curve, 12)
        if count == 0:
            return x
        if count == 1:
            return float(x ** (values[0] / 256))
        return float(values[round(x * (count - 1))] / 65535)
    kind = struct.unpack_from(">H", curve, 8)[0]
    if curve[:4] != b"para" or kind not in {0, 3}:
        raise ValueError(kind)
    numbers = [value / 65536 for value in struct.unpack_from(f">{1 + 4 * (kind // 3)}i", curve, 12)]
    if kind == 0:
        return float(x ** numbers[0])
    gamma, slope, offset, toe, start = numbers
    return float((slope * x + offset) ** gamma if x >= start else toe * x)


def _tags(profile: bytes) -> dict[bytes, bytes]:
    """Return the tags of an ICC profile (ICC.1:2022 §7.3); a broken table gives none."""
    try:
        (count,) = struct.unpack_from(">I", profile, 128)
        entries = [
            struct.unpack_from(">4sII", profile, 132 + 12 * index)
            for index in range(min(count, 64))
        ]
    except struct.error:
        return {}
    return {name: profile[offset : offset + size] for name, offset, size in entries}


def _profile(image: pyvips.Image) -> bytes | None:
    if not image.get_typeof("icc-profile-data"):
        return None
    return bytes(image.get("icc-profile-data"))


def _to_srgb(image: pyvips.Image, *, grey: bool) -> pyvips.Image:
    depth = 16 if image.format == "ushort" else 8
    try:
        converted = image.icc_transform("srgb", embedded=True, intent="relative", depth=depth)
    except pyvips.Error:
        # A profile that lcms cannot read says nothing about the colors.
        return image.colourspace("srgb") if image.interpretation == "cmyk" else image
    return converted.colourspace("grey16" if depth == 16 else "b-w") if grey else converted


def _to_depth(image: pyvips.Image, plan: Plan, codec: Codec, *, grey: bool) -> pyvips.Image:
    """Give *image* 8 bits a sample, or 16 where the codec has them and no look may be lost."""
    deep = image.format != "uchar" and codec.max_depth > 8 and plan.lossless
    space = ("grey16" if deep else "b-w") if grey else ("rgb16" if deep else "srgb")
    if image.interpretation != space:
        image = image.colourspace(space)
    wanted = "ushort" if deep else "uchar"
    return image if image.format == wanted else image.cast(wanted)
