"""Real pictures that come with scikit-image: CC0 or public domain, some of each kind."""

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


def paths() -> list[Path]:
    """Return where the pictures lie; scikit-image itself is not imported."""
    spec = find_spec("skimage")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "data"
    return [folder / name for name in NAMES]
