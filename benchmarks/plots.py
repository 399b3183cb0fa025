"""Plots as small SVG files that come out the same from the same figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

#: Text stays text, and ids do not change from run to run.
STYLE: dict[RcKeyType, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "pixmill",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
}

COLORS = {"jpeg": "#b4541a", "webp": "#2a7f4f", "avif": "#3b5bb5", "jxl": "#8a3f9c"}
MARKERS = {"libvips": "o", "Pillow": "s", "svt": "^", "rav1e": "v", "jpegli": "D", "libjxl": "P"}

OURS = "Pixmill"
BYTES = "bytes ÷ Pillow's default JPEG at the same score"
CPU = "CPU, seconds a megapixel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One encoder at one score."""

    target: int
    encoder: str
    owner: str
    format: str
    peers: str  #: whose default it is
    pictures: int
    size: float  #: ÷ Pillow's JPEG
    cpu: float  #: seconds a megapixel


def write(folder: Path, rows: Sequence[Row]) -> list[Path]:
    """Write a front for each score, and our bytes and CPU over the scores, into *folder*."""
    targets = sorted({row.target for row in rows})
    files = []
    with mpl.rc_context(STYLE):
        for target in targets:
            here = [row for row in rows if row.target == target]
            files.append(_saved(_front(target, here), folder / f"front-{target}.svg"))
        files.append(_saved(_over_scores(rows, "size", BYTES), folder / "bytes-score.svg"))
        files.append(_saved(_over_scores(rows, "cpu", CPU), folder / "cpu-score.svg"))
    return files


def _front(target: int, rows: Sequence[Row]) -> Figure:
    """Draw bytes over CPU: the lower left is better; the line is the front of each format."""
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set(xlabel=CPU, ylabel=BYTES, title=f"SSIMULACRA2 {target}")
    for format_, color in COLORS.items():
        inside = sorted((s for s in rows if s.format == format_), key=lambda s: (s.cpu, s.size))
        if not inside:
            continue
        front = [s for i, s in enumerate(inside) if all(s.size < t.size for t in inside[:i])]
        axes.step(
            [s.cpu for s in front],
            [s.size for s in front],
            where="post",
            color=color,
            alpha=0.4,
            label=format_,
        )
        for row in inside:
            _mark(axes, row, color)
    for owner, marker in MARKERS.items():
        if any(row.owner == owner for row in rows):
            axes.scatter([], [], marker=marker, color="grey", s=18, label=owner)
    axes.scatter([], [], marker="*", color="grey", edgecolor="black", s=120, label=OURS)
    axes.scatter([], [], facecolor="none", edgecolor="black", s=70, label="a peer's default")
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def _mark(axes: Axes, row: Row, color: str) -> None:
    if row.owner == OURS:
        axes.scatter(
            [row.cpu], [row.size], marker="*", color=color, edgecolor="black", s=150, zorder=4
        )
    else:
        axes.scatter([row.cpu], [row.size], marker=MARKERS[row.owner], color=color, s=16, zorder=3)
    if row.peers:
        axes.scatter([row.cpu], [row.size], facecolor="none", edgecolor="black", s=70, zorder=2)
    short = row.encoder.removeprefix(row.owner).replace(row.format, "").strip()
    short = short.replace("effort ", "e").replace("speed ", "s").replace("method ", "m")
    axes.annotate(
        f"{short} ({row.peers})".strip() if row.peers else short,
        (row.cpu, row.size),
        textcoords="offset points",
        xytext=(4, -9 if row.peers else 3),
        fontsize=6,
    )


def _over_scores(rows: Sequence[Row], what: str, label: str) -> Figure:
    """Draw ours as lines, the peers' defaults as thin dashed ones."""
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel="SSIMULACRA2", ylabel=label)
    if what == "cpu":
        axes.set_yscale("log")
    shown = [row for row in rows if row.owner == OURS or row.peers]
    for name in dict.fromkeys(row.encoder for row in shown):
        line = sorted((s for s in shown if s.encoder == name), key=lambda s: s.target)
        mine = line[0].owner == OURS
        axes.plot(
            [row.target for row in line],
            [getattr(row, what) for row in line],
            color=COLORS[line[0].format],
            linestyle=(":" if "max" in name else "-") if mine else "--",
            linewidth=2 if mine else 0.8,
            marker="*" if mine else MARKERS[line[0].owner],
            markersize=8 if mine else 3,
            label=name,
        )
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def _saved(figure: Figure, path: Path) -> Path:
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    return path
