"""Pixels brought to another size."""

import pyvips


def scaled(image: pyvips.Image, width: int, height: int) -> pyvips.Image:
    """Return *image* at *width* × *height*, whatever its aspect ratio."""
    # A transparent pixel's color must not bleed into its neighbors.
    alpha, band_format = image.hasalpha(), image.format
    if alpha:
        image = image.premultiply()
    image = image.resize(width / image.width, vscale=height / image.height)
    return image.unpremultiply().rint().cast(band_format) if alpha else image
