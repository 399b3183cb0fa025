"""libvips' savers, which sharp, ipx, imgproxy and imaginary are built on."""

import pyvips

from benchmarks.encoders.record import AVIF_NUMBERS, JPEG_NUMBERS, WEBP_NUMBERS, Encoder
from benchmarks.source import Source

#: What sharp's ``mozjpeg: true`` switches on.
MOZJPEG = {
    "interlace": True,
    "trellis_quant": True,
    "overshoot_deringing": True,
    "optimize_scans": True,
    "optimize_coding": True,
    "quant_table": 3,
}


def jpeg(name: str, **options: object) -> Encoder:
    """Return an encoder of JPEG with *options* of libvips' ``jpegsave``."""
    return _encoder(name, "jpeg", "jpegsave_buffer", JPEG_NUMBERS, options)


def webp(name: str, **options: object) -> Encoder:
    """Return an encoder of WebP with *options* of libvips' ``webpsave``."""
    return _encoder(name, "webp", "webpsave_buffer", WEBP_NUMBERS, options)


def avif(name: str, **options: object) -> Encoder:
    """Return an encoder of AVIF with *options* of libvips' ``heifsave``."""
    fixed = {"compression": "av1", "bitdepth": 8, **options}
    return _encoder(name, "avif", "heifsave_buffer", AVIF_NUMBERS, fixed)


def png(name: str, **options: object) -> Encoder:
    """Return an encoder of PNG; its number, with a palette, is imagequant's quality."""

    def encode(source: Source, number: float) -> bytes:
        quality = {"Q": number} if options.get("palette") else {}
        return bytes(_opened(source).pngsave_buffer(keep="none", **quality, **options))

    return Encoder(name=name, owner="libvips", format="png", encode=encode, numbers=(100,))


def _encoder(
    name: str, format_: str, saver: str, numbers: tuple[int, ...], options: dict[str, object]
) -> Encoder:
    def encode(source: Source, number: float) -> bytes:
        data = getattr(_opened(source), saver)(Q=round(number), keep="none", **options)
        return bytes(data)

    return Encoder(name=name, owner="libvips", format=format_, encode=encode, numbers=numbers)


def _opened(source: Source) -> pyvips.Image:
    return pyvips.Image.new_from_buffer(source.tiff, "", access="sequential")


#: Every effort, for the front. AVIF's 7 and 8 take more than ten seconds a megapixel.
ENCODERS = (
    jpeg("jpeg"),
    jpeg("jpeg optimized", optimize_coding=True),
    jpeg("jpeg progressive", optimize_coding=True, interlace=True),
    jpeg("jpeg mozjpeg qt3", **MOZJPEG),
    jpeg("jpeg mozjpeg qt2", **MOZJPEG | {"quant_table": 2}),
    *(webp(f"webp effort {effort}", effort=effort) for effort in range(7)),
    *(
        webp(f"webp effort {effort} sharp", effort=effort, smart_subsample=True)
        for effort in (2, 4, 5, 6)
    ),
    *(avif(f"avif effort {effort}", effort=effort) for effort in range(7)),
    *(
        avif(f"avif effort {effort} 4:4:4", effort=effort, subsample_mode="off")
        for effort in (0, 1, 2, 4)
    ),
)
