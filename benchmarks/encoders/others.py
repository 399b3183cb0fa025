"""jpegli, bare and with mozjpeg's re-scan, libjxl, and oxipng."""

from collections.abc import Callable

import ajpegli
import numpy as np
import oxipng
from imagecodecs import jpegxl_encode
from mozjpeg_lossless_optimization import optimize as rescan

from benchmarks.encoders import pillow
from benchmarks.encoders.record import JPEG_NUMBERS, JXL_NUMBERS, Encoder
from benchmarks.source import Source


def jpegli(name: str, *, progressive: int = 2, subsampling: str = "420") -> Encoder:
    """Return jpegli; *progressive* is the level of its scan script, 0 for a single scan."""

    def encode(source: Source, number: float) -> bytes:
        if source.pixels.shape[2] == 1:
            gray = np.ascontiguousarray(source.pixels[:, :, 0])
            return ajpegli.encode(gray, quality=round(number), mode="L", progressive=progressive)
        return ajpegli.encode(
            source.pixels, quality=round(number), subsampling=subsampling, progressive=progressive
        )

    return Encoder(name=name, owner="jpegli", format="jpeg", encode=encode, numbers=JPEG_NUMBERS)


def rescanned(encoder: Encoder) -> Encoder:
    """Return *encoder* with mozjpeg's lossless re-scan behind it."""
    return Encoder(
        name=f"{encoder.name} + mozjpeg re-scan",
        owner=encoder.owner,
        format="jpeg",
        encode=lambda source, number: bytes(rescan(encoder.encode(source, number))),
        numbers=encoder.numbers,
    )


def jxl(effort: int) -> Encoder:
    """Return libjxl at *effort*."""
    return Encoder(
        name=f"jxl effort {effort}",
        owner="libjxl",
        format="jxl",
        encode=_jxl(effort),
        numbers=JXL_NUMBERS,
    )


def _jxl(effort: int) -> Callable[[Source, float], bytes]:
    def encode(source: Source, number: float) -> bytes:
        data = jpegxl_encode(source.pixels, effort=effort, distance=number, numthreads=1)
        return bytes(data)

    return encode


def packed(level: int) -> Encoder:
    """Return Pillow's PNG packed by oxipng at *level*."""
    plain = pillow.png("png", compress_level=1)

    def encode(source: Source, number: float) -> bytes:
        return bytes(oxipng.optimize_from_memory(plain.encode(source, number), level=level))

    return Encoder(
        name=f"png level {level}", owner="oxipng", format="png", encode=encode, numbers=(100,)
    )


ENCODERS = (
    jpegli("jpeg baseline", progressive=0),
    jpegli("jpeg"),
    jpegli("jpeg 4:4:4", subsampling="444"),
    rescanned(jpegli("jpeg baseline", progressive=0)),
    *(jxl(effort) for effort in (1, 3, 4, 5, 7)),
)
