"""
A folder of a thousand pictures, as a build meets it, and how long the command line takes to begin.

    python -m benchmarks.folder [--pictures 1000] [--json]

`pixmill optimize` is run as a process on photographs of 50 to 500 kB, twice: the second time all of
them are known. CPU is that of the process and all below it; the engine's is that of its codec
processes. Beginning is the median of runs, next to which the engine's own time for the one picture
stands: that of a second picture of the same pixels in the same process.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import psutil
import typer
from PIL import Image

from benchmarks.batches.watching import cpu, memory
from benchmarks.pictures import paths
from benchmarks.tables import show
from pixmill.engine.optimize import optimize
from pixmill.engine.types import Limits, Options

SOURCES = ("retina.jpg", "hubble_deep_field.jpg", "motorcycle_left.png", "rocket.jpg", "coffee.png")

#: Bytes of the pictures, and pixels of their longer side.
SIZES = (50_000, 500_000)
SIDES = (700, 1600)

#: Qualities of cameras and of people who export by hand.
QUALITIES = (80, 94)

#: Runs whose median is told.
RUNS = 7

#: Seconds between two looks.
PACE = 0.5

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything that is told."""

    pictures: int
    megabytes: float
    seconds: float
    cpu: float  #: seconds, of all processes
    engine_share: float  #: of that
    own_rss_tenth_mb: float  #: of the command's own process, after a tenth of the pictures
    own_rss_peak_mb: float
    second_seconds: float
    second_cpu: float
    help_seconds: float
    help_cpu: float
    one_seconds: float
    one_cpu: float
    one_engine: float  #: seconds that the engine takes for that picture


@app.command()
def main(
    *,
    pictures: Annotated[int, typer.Option(min=10)] = 1000,
    runs: Annotated[int, typer.Option(min=1, help="Whose median is told.")] = RUNS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Optimize a folder twice, and say what it took."""
    with tempfile.TemporaryDirectory(prefix="pixmill-bench-") as place:
        folder = Path(place) / "pictures"
        folder.mkdir()
        for number in range(pictures):
            (folder / f"{number:04}.jpg").write_bytes(picture(number))
        figures = measure(Path(place), pictures, runs)
    if as_json:
        print(json.dumps(asdict(figures), indent=2))
    else:
        show(("", "value"), ((name, value) for name, value in asdict(figures).items()))


def measure(place: Path, pictures: int, runs: int) -> Figures:
    """Do everything."""
    call = ("optimize", "pictures", "-o", "out", "--json")
    first = _watched(place, call)
    assert first.report["summary"]["written"] == pictures
    second_seconds, second_cpu, report = _run(place, call)
    assert json.loads(report)["summary"]["cached"] == pictures
    one = place / "one.jpg"
    one.write_bytes(picture(0))
    helps = [_run(place, ("--help",))[:2] for _ in range(runs)]
    call = ("optimize", "one.jpg", "-o", "one", "--no-cache")
    ones = [_run(place, call)[:2] for _ in range(runs)]
    rss = first.rss
    return Figures(
        pictures=pictures,
        megabytes=sum(each.stat().st_size for each in (place / "pictures").iterdir()) / 1e6,
        seconds=first.seconds,
        cpu=first.cpu,
        engine_share=first.engine / first.cpu,
        own_rss_tenth_mb=rss[len(rss) // 10] / 1e6,
        own_rss_peak_mb=max(rss) / 1e6,
        second_seconds=second_seconds,
        second_cpu=second_cpu,
        help_seconds=median(each[0] for each in helps),
        help_cpu=median(each[1] for each in helps),
        one_seconds=median(each[0] for each in ones),
        one_cpu=median(each[1] for each in ones),
        one_engine=_engine(one.read_bytes()),
    )


def picture(number: int) -> bytes:
    """Return photograph *number*: a crop at a size and quality of its own."""
    random = np.random.default_rng(number)
    [path] = paths([SOURCES[number % len(SOURCES)]])
    with Image.open(path) as source:
        image = source.convert("RGB")
    part = random.uniform(0.5, 1)
    width, height = (int(side * part) for side in image.size)
    x = int(random.integers(0, image.width - width, endpoint=True))
    y = int(random.integers(0, image.height - height, endpoint=True))
    scale = random.uniform(*SIDES) / max(width, height)
    size = int(width * scale), int(height * scale)
    image = image.crop((x, y, x + width, y + height)).resize(size, Image.Resampling.LANCZOS)
    return next(data for data in _encoded(image, random) if SIZES[0] <= len(data) <= SIZES[1])


def _encoded(image: Image.Image, random: np.random.Generator) -> Iterator[bytes]:
    """Give *image* again and again, until it has a size that is wanted."""
    quality = int(random.integers(*QUALITIES))
    while True:
        out = BytesIO()
        image.save(out, "JPEG", quality=quality)
        yield out.getvalue()
        if out.tell() > SIZES[1]:
            image = image.resize((image.width * 4 // 5, image.height * 4 // 5))
        elif quality < 98:
            quality += 2
        else:
            image = image.resize((image.width * 5 // 4, image.height * 5 // 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class _First:
    seconds: float
    cpu: float
    engine: float
    rss: list[int]
    report: dict[str, Any]


def _watched(place: Path, call: tuple[str, ...]) -> _First:
    """Run the command and look at its processes until it ends."""
    engine, rss = 0.0, list[int]()
    before, begin = _children(), time.monotonic()
    with (place / "report.json").open("wb") as out:
        process = psutil.Popen(_command(call), cwd=place, stdout=out)
        while process.poll() is None:
            try:
                engine = max(engine, cpu(process.pid).engine)
                rss.append(memory(process.pid)["server"].rss)
            except (psutil.Error, KeyError, ValueError):  # it just begins, or ends
                pass
            time.sleep(PACE)
    return _First(
        seconds=time.monotonic() - begin,
        cpu=_children() - before,
        engine=engine,
        rss=rss,
        report=json.loads((place / "report.json").read_bytes()),
    )


def _run(place: Path, call: tuple[str, ...]) -> tuple[float, float, bytes]:
    """Return the seconds and CPU seconds of a run, and what it said."""
    before, begin = _children(), time.monotonic()
    done = subprocess.run(_command(call), cwd=place, capture_output=True, check=True)
    return time.monotonic() - begin, _children() - before, done.stdout


def _children() -> float:
    times = psutil.Process().cpu_times()
    return float(times.children_user + times.children_system)


def _command(call: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-P", "-m", "pixmill", *call]


def _engine(data: bytes) -> float:
    optimize(data, Options(), Limits())
    begin = time.monotonic()
    optimize(data, Options(), Limits())
    return time.monotonic() - begin


if __name__ == "__main__":
    app()
