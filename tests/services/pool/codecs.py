"""Every codec library that the engine uses, each encoding and decoding a small picture."""

import io
import json
from collections.abc import Callable

import ajpegli
import imagecodecs
import mozjpeg_lossless_optimization
import numpy as np
import numpy.typing as npt
import oxipng
import PIL.Image
import PIL.ImageCms
import pillow_heif
import pyvips

from pixmill.engine.types import Limits, Options, Result
from services.pool.probes import result

Pixels = npt.NDArray[np.uint8]


def preload() -> None:
    """Import what is imported late, as the engine's own preload does."""
    PIL.Image.init()
    pillow_heif.register_heif_opener()
    _ = imagecodecs.jpegxl_encode
    _ = imagecodecs.jpegxl_decode


def picture() -> Pixels:
    """Make a picture that is neither flat nor noise."""
    rows, columns = np.mgrid[0:150, 0:200]
    return np.dstack([rows, columns, (rows * columns) // 200]).astype(np.uint8)


def difference(decoded: Pixels) -> float:
    """Measure how far *decoded* is from the picture, in mean steps a sample."""
    return float(np.abs(decoded.astype(int) - picture().astype(int)).mean())


def _through_vips(suffix: str, **options: object) -> Pixels:
    data = pyvips.Image.new_from_array(picture()).write_to_buffer(suffix, **options)
    return np.asarray(pyvips.Image.new_from_buffer(data, "").numpy()[..., :3])


def _through_pillow(kind: str, **options: object) -> Pixels:
    file = io.BytesIO()
    PIL.Image.fromarray(picture()).save(file, kind, **options)
    return np.asarray(PIL.Image.open(file).convert("RGB"))


def _through_oxipng() -> Pixels:
    file = io.BytesIO()
    PIL.Image.fromarray(picture()).save(file, "PNG", compress_level=0)
    data = oxipng.optimize_from_memory(file.getvalue(), level=2)
    return np.asarray(PIL.Image.open(io.BytesIO(data)))


def _through_mozjpeg() -> Pixels:
    file = io.BytesIO()
    PIL.Image.fromarray(picture()).save(file, "JPEG", quality=95)
    data = mozjpeg_lossless_optimization.optimize(file.getvalue())
    return np.asarray(PIL.Image.open(io.BytesIO(data)))


def _through_a_profile() -> Pixels:
    image = pyvips.Image.new_from_array(picture()).copy(interpretation="srgb")
    wide = image.icc_transform("p3", input_profile="srgb")
    return np.asarray(wide.icc_transform("srgb", input_profile="p3").numpy())


def _through_threads() -> Pixels:
    """Encode with more threads than one, all of which start behind the lock."""
    data = imagecodecs.jpegxl_encode(picture(), lossless=True, numthreads=4)
    return np.asarray(imagecodecs.jpegxl_decode(data, numthreads=4))


def _resized() -> Pixels:
    image = pyvips.Image.new_from_array(picture()).write_to_buffer(".jpg", Q=95)
    small = pyvips.Image.thumbnail_buffer(image, 100).resize(2)
    return np.asarray(small.numpy())


CODECS: dict[str, Callable[[], Pixels]] = {
    "libvips JPEG": lambda: _through_vips(".jpg", Q=95, optimize_coding=True, trellis_quant=True),
    "libvips PNG": lambda: _through_vips(".png"),
    "libvips PNG with a palette": lambda: _through_vips(".png", palette=True, dither=1),
    "libvips WebP": lambda: _through_vips(".webp", Q=95, smart_subsample=True),
    "libvips AVIF": lambda: _through_vips(".avif", Q=90, effort=2),
    "libvips GIF": lambda: _through_vips(".gif"),
    "libvips TIFF": lambda: _through_vips(".tif"),
    "libvips resize": _resized,
    "libvips color profiles": _through_a_profile,
    "Pillow JPEG": lambda: _through_pillow("JPEG", quality=95),
    "Pillow WebP": lambda: _through_pillow("WEBP", quality=95),
    "Pillow AVIF": lambda: _through_pillow("AVIF", quality=90),
    "Pillow BMP": lambda: _through_pillow("BMP"),
    "pillow-heif HEIC": lambda: _through_pillow("HEIF", quality=90),
    "imagecodecs JPEG XL": _through_threads,
    "ajpegli JPEG": lambda: ajpegli.decode(ajpegli.encode(picture(), quality=95)),
    "oxipng PNG": _through_oxipng,
    "mozjpeg JPEG": _through_mozjpeg,
}


def do(data: bytes, _options: Options, _limits: Limits) -> Result:
    """Tell how far a picture is from itself after the codec that the "image" names."""
    return result(difference(CODECS[json.loads(data)[0]]()))
