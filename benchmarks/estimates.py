"""
How many bytes a pixel takes, by preset and format: what clients estimate sizes with (PO-71).

    python -m benchmarks.estimates [--crop 512]

The median over photographs of scikit-image, cropped to their middle, and how far half of them are
from it: photographs differ by more than any table can say, so a sample says more.
"""

import io
from statistics import median
from typing import Annotated

import typer
from PIL import Image
from rich.progress import track

from benchmarks.pictures import LARGE, PHOTOS, paths
from benchmarks.tables import show
from pixmill.dialects.picture_optimizer.recipes import PRESETS
from pixmill.engine.optimize import optimize
from pixmill.engine.types import Limits, Options

FORMATS = ("jpeg", "webp", "avif", "png")

app = typer.Typer(add_completion=False)


@app.command()
def main(*, crop: Annotated[int, typer.Option(min=64, help="Pixels a side.")] = 512) -> None:
    """Print the table, and how far the pictures are from it."""
    pictures = [middle(path, crop) for path in paths((*PHOTOS, *LARGE))]
    cells = [(preset, format_) for preset in PRESETS for format_ in FORMATS]
    found = {
        cell: [bytes_a_pixel(data, *cell) for data in pictures] for cell in track(cells, "Encoding")
    }
    show(
        ("preset", *FORMATS),
        (
            (preset, *(round(median(found[preset, format_]), 3) for format_ in FORMATS))
            for preset in PRESETS
        ),
    )
    off = [abs(each / median(values) - 1) for values in found.values() for each in values]
    print(f"half of {len(pictures)} pictures are within {median(off):.0%}")


def middle(path: object, side: int) -> bytes:
    """Return the middle of a picture as PNG."""
    picture = Image.open(str(path)).convert("RGB")
    left, top = max(0, (picture.width - side) // 2), max(0, (picture.height - side) // 2)
    file = io.BytesIO()
    picture.crop((left, top, left + side, top + side)).save(file, "PNG")
    return file.getvalue()


def bytes_a_pixel(data: bytes, preset: str, format_: str) -> float:
    """Return what *data* takes as an export makes it."""
    row = PRESETS[preset]
    lossless = format_ == "png" and row.png == "lossless"
    options = Options(format=format_, quality=row.jpeg, lossless=lossless)
    result = optimize(data, options, Limits())
    return len(result.data) / (result.width * result.height)


if __name__ == "__main__":
    app()
