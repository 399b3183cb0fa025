"""Pillow's encoders, which Thumbor is built on, and SVT-AV1 and rav1e through its plug-in."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO

from PIL import Image

from benchmarks.encoders.record import AVIF_NUMBERS, JPEG_NUMBERS, WEBP_NUMBERS, Encoder
from benchmarks.source import Source

#: libavif's default for SVT-AV1 is PSNR, which costs a tenth more bytes at the same look.
SVT_IMAGE_QUALITY = {"tune": "3"}

Save = Callable[..., None]


def jpeg(name: str, **options: object) -> Encoder:
    """Return an encoder of JPEG with *options* of Pillow's ``save``."""
    return _encoder(name, "JPEG", JPEG_NUMBERS, options)


def webp(name: str, **options: object) -> Encoder:
    """Return an encoder of WebP with *options* of Pillow's ``save``."""
    return _encoder(name, "WEBP", WEBP_NUMBERS, options)


def avif(name: str, **options: object) -> Encoder:
    """Return an encoder of AVIF on one thread."""
    return _encoder(name, "AVIF", AVIF_NUMBERS, {"max_threads": 1, **options})


def png(name: str, **options: object) -> Encoder:
    """Return an encoder of PNG, which has no number."""

    def encode(source: Source, _number: float) -> bytes:
        out = BytesIO()
        Image.open(BytesIO(source.tiff)).save(out, "PNG", **options)
        return out.getvalue()

    return Encoder(name=name, owner="Pillow", format="png", encode=encode, numbers=(100,))


def _encoder(
    name: str, format_: str, numbers: tuple[int, ...], options: dict[str, object]
) -> Encoder:
    def encode(source: Source, number: float) -> bytes:
        out = BytesIO()
        Image.open(BytesIO(source.tiff)).save(out, format_, quality=round(number), **options)
        return out.getvalue()

    return Encoder(
        name=name, owner="Pillow", format=format_.lower(), encode=encode, numbers=numbers
    )


def _plugin_save() -> Save | None:
    """Return the plug-in's way to save AVIF; Pillow's own stays what ``save`` takes."""
    if find_spec("pillow_avif") is None:
        return None
    Image.init()
    opened, saved = dict(Image.OPEN), dict(Image.SAVE)
    plugin = import_module("pillow_avif.AvifImagePlugin")  # registers itself over Pillow's own
    Image.OPEN.update(opened)
    Image.SAVE.update(saved)
    save: Save = plugin._save  # noqa: SLF001 - its public name is in Pillow's table
    return save


def _plugged(save: Save, codec: str, speed: int, advanced: dict[str, str]) -> Encoder:
    def encode(source: Source, number: float) -> bytes:
        picture = Image.open(BytesIO(source.tiff))
        picture.load()
        picture.encoderinfo = {
            "quality": round(number),
            "codec": codec,
            "speed": speed,
            "max_threads": 1,
            "advanced": advanced,
        }
        out = BytesIO()
        save(picture, out, "")
        return out.getvalue()

    return Encoder(
        name=f"speed {speed}", owner=codec, format="avif", encode=encode, numbers=AVIF_NUMBERS
    )


def plugged() -> tuple[Encoder, ...]:
    """Return SVT-AV1 and rav1e at their useful speeds; none without pillow-avif-plugin."""
    save = _plugin_save()
    if save is None:
        return ()
    return (
        *(_plugged(save, "svt", speed, SVT_IMAGE_QUALITY) for speed in (4, 5, 6, 7, 8, 10)),
        *(_plugged(save, "rav1e", speed, {}) for speed in (8, 10)),
    )


ENCODERS = (
    jpeg("jpeg"),
    jpeg("jpeg progressive", optimize=True, progressive=True),
    *(webp(f"webp method {method}", method=method) for method in (0, 2, 4, 6)),
    *(avif(f"avif speed {speed}", speed=speed) for speed in (4, 6, 8, 9, 10)),
)
