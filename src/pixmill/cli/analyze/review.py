"""A page for people who would rather look: all pictures, their words, and where alt is missing."""

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import PurePath

from pixmill.cli.analyze.report import NO_MODEL, NOTES, facts_of, printable
from pixmill.cli.analyze.types import FIELDS, Image

_STYLE = files("pixmill.cli.analyze").joinpath("review.css").read_text("utf-8")
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

#: Nothing is loaded, nothing runs, and nothing but this style counts: words come from anywhere.
_POLICY = (
    f"default-src 'none'; img-src data:; style-src 'sha256-{_HASH}'; base-uri 'none'; "
    "form-action 'none'"
)

_SOURCES = {"file": "in the file", "sidecar": "in the sidecar", "model": "by the model"}

_ONLY = '<label><input type="checkbox" id="only"> Only those without alt text</label>'


def render(images: Sequence[Image], *, model: str | None) -> bytes:
    """Return the page, which needs nothing else."""
    missing = sum(image.missing_alt for image in images)
    failed = sum(image.error is not None for image in images)
    counts = [
        f"{len(images):,} {'picture' if len(images) == 1 else 'pictures'}",
        f"{missing:,} without alt text",
        *([f"{failed:,} failed"] if failed else []),
    ]
    by = f"Described by {model}. A model errs: read what it says." if model else NO_MODEL
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>Pictures: {counts[1]}</title><style>{_STYLE}</style></head><body>",
            f"<header><h1>Pictures</h1><p>{' · '.join(counts)}</p><p>{_text(by)}</p>",
            f"{_ONLY if missing else ''}</header><main>",
            *map(_card, images),
            "</main></body></html>\n",
        ]
    ).encode()


def _card(image: Image) -> str:
    kind = " ".join(
        name for name, on in (("missing", image.missing_alt), ("failed", image.error)) if on
    )
    badges = [
        *([_missing(image)] if image.missing_alt else []),
        *([image.error] if image.error else []),
    ]
    facts = [*facts_of(image), *(NOTES[note] for note in image.notes)]
    if image.filename and image.filename != PurePath(image.file).stem:
        facts.append(f"A name for it: {image.filename}")
    return "".join(
        [
            f'<article class="{kind}">',
            _picture(image),
            f'<div class="about"><h2 dir="auto">{_text(image.file)}</h2>',
            *(f'<p class="badge">{_text(badge)}</p>' for badge in badges),
            _words(image),
            _colors(image),
            _list(facts),
            "</div></article>",
        ]
    )


def _missing(image: Image) -> str:
    return "Alt text only suggested, not kept" if image.words.alt else "No alt text"


def _picture(image: Image) -> str:
    if not image.preview:
        return ""
    data = base64.b64encode(image.preview).decode()
    alt = _text(image.words.alt or "")
    return f'<figure><img src="data:image/jpeg;base64,{data}" alt="{alt}"></figure>'


def _words(image: Image) -> str:
    rows = []
    for name in FIELDS:
        value = getattr(image.words, name)
        if value:
            text = ", ".join(value) if isinstance(value, tuple) else value
            source = _SOURCES[image.sources[name]]
            rows.append(f'<dt>{name}, {source}</dt><dd dir="auto">{_text(text)}</dd>')
    return f"<dl>{''.join(rows)}</dl>" if rows else ""


def _colors(image: Image) -> str:
    """Return the main colors as a bar; a drawing, because the policy knows no style attributes."""
    colors = image.facts["colors"] if image.facts else ()
    total = sum(color["share"] for color in colors)
    bars, x = [], 0.0
    for color in colors:
        width = 100 * color["share"] / total if total else 0
        bars.append(
            f'<rect x="{x:.2f}" width="{width:.2f}" height="1" fill="{_text(color["hex"])}"/>'
        )
        x += width
    if not bars:
        return ""
    drawing = 'viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"'
    return f"<svg {drawing}>{''.join(bars)}</svg>"


def _list(lines: Sequence[str]) -> str:
    items = "".join(f"<li>{_text(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def _text(text: str) -> str:
    return escape("\n".join(printable(line) for line in text.splitlines()), quote=True)
