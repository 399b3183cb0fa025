"""Everything that the engine will need, loaded before a codec process locks itself in."""

import mozjpeg_lossless_optimization  # noqa: F401 - loaded for its side effect: to be there
import numpy.ma  # noqa: F401 - numpy's set operations import it when they are first called
import oxipng  # noqa: F401
from PIL import Image

from pixmill.engine import codecs, work  # noqa: F401


def preload() -> None:
    """
    Import every codec and Pillow's plug-ins.

    No libvips operation runs here: its threads would not survive the fork that follows.
    """
    codecs.all_codecs()
    Image.init()
