"""Which libraries are inside, and which are too old to be let near a stranger's picture."""

import pyvips
from PIL import features

from pixmill import errors
from pixmill.engine.extras import pillow_heif

#: libvips < 8.18.7 has GHSA-f88m-g3jw-g9cj and its successors (research/security.md §2).
LIBVIPS = (8, 18, 7)

#: libheif < 1.23.2 has GHSA-g89c-p67h-r497, a heap overflow on decoding.
LIBHEIF = (1, 23, 2)

# VIPS_OPERATION_UNTRUSTED in libvips' operation.h. From 8.18.6 on, libvips marks its HEIF loader
# so when it was built with a libheif below 1.23.2; the wheel tells its version in no other way.
_UNTRUSTED = 16


def check() -> None:
    """Refuse to work with libraries that are known to be unsafe. Raises Internal."""
    if _libvips() < LIBVIPS:
        raise errors.Internal(
            f"libvips {_dotted(_libvips())} is unsafe; pyvips-binary {_dotted(LIBVIPS)} or later "
            "is needed."
        )
    loader = pyvips.Operation.new_from_name("heifload_buffer")
    if pyvips.vips_lib.vips_operation_get_flags(loader.pointer) & _UNTRUSTED:
        raise errors.Internal(
            f"The libheif inside libvips is older than {_dotted(LIBHEIF)}, which is unsafe; "
            "a newer pyvips-binary is needed."
        )
    if pillow_heif and _numbers(pillow_heif.libheif_version()) < LIBHEIF:
        raise errors.Internal(
            f"The libheif inside pillow-heif is older than {_dotted(LIBHEIF)}, which is unsafe; "
            "a newer pillow-heif is needed."
        )


def versions() -> dict[str, str]:
    """Return the versions of the libraries that touch pixels, by name."""
    found = {"libvips": _dotted(_libvips())}
    for name in ("avif", "webp", "libjpeg_turbo"):
        found[f"pillow {name}"] = features.version(name) or "absent"
    found["libheif (heic)"] = pillow_heif.libheif_version() if pillow_heif else "absent"
    return found


def _libvips() -> tuple[int, ...]:
    return tuple(pyvips.version(part) for part in range(3))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
