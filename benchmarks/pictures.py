"""Real pictures that come with scikit-image: CC0 or public domain, some of each kind."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

NAMES = (
    "astronaut.png",
    "coffee.png",
    "chelsea.png",
    "motorcycle_left.png",
    "rocket.jpg",
    "retina.jpg",
    "page.png",
    "logo.png",
    "no_time_for_that_tiny.gif",
)

#: Photographs without loss, whose every format can be judged.
PHOTOS = ("astronaut.png", "coffee.png", "chelsea.png", "motorcycle_left.png")

#: Drawings, text and what comes from programs; one has alpha, two are grey.
GRAPHICS = ("page.png", "text.png", "logo.png", "horse.png", "chessboard_RGB.png", "color.png")

#: Photographs wide enough to be made smaller by a server.
LARGE = ("retina.jpg", "hubble_deep_field.jpg")

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})


def paths(names: Iterable[str] = NAMES) -> list[Path]:
    """Return where the pictures lie; scikit-image itself is not imported."""
    spec = find_spec("skimage")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "data"
    return [folder / name for name in names]


def chosen(files: Iterable[Path] | None, otherwise: Iterable[str]) -> list[Path]:
    """Return *files* and the pictures in those that are folders, or the ones named *otherwise*."""
    if not files:
        return paths(otherwise)
    found: list[Path] = []
    for path in files:
        inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in _SUFFIXES)
        found += inside if path.is_dir() else [path]
    return found
