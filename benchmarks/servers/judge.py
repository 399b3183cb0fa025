"""Looks at what the servers answered: size, width, bytes and score."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from statistics import fmean

import httpx
import numpy as np
from PIL import Image

from benchmarks.servers.contenders import Contender
from benchmarks.servers.work import Picture, Work
from pixmill.engine.ssimulacra2 import compare


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answers of one server to one work."""

    size: float  #: mean bytes
    score: float  #: mean SSIMULACRA2


def judge(contender: Contender, work: Work, pictures: Sequence[Picture]) -> Verdict:
    """
    Ask once for every picture, which also warms the server up.

    Where it is made smaller, the answer is compared with Pillow's Lanczos reduction of the source,
    so the score holds the taste of each server's scaler too.
    """
    with httpx.Client(timeout=120) as client:
        answers = [client.request(**contender.ask(work, picture)) for picture in pictures]
    scores = []
    for picture, answer in zip(pictures, answers, strict=True):
        if not answer.is_success:
            sys.exit(f"{contender.name} answered {answer.status_code}: {answer.text[:500]}")
        result = Image.open(BytesIO(answer.content))
        assert (result.format or "").lower() == work.format, f"{contender.name}: {result.format}"
        assert work.width in {None, result.width}, f"{contender.name}: {result.width} px wide"
        scores.append(_score(picture, result))
    return Verdict(size=fmean(len(answer.content) for answer in answers), score=fmean(scores))


def _score(picture: Picture, result: Image.Image) -> float:
    source = Image.open(BytesIO(picture.data)).convert("RGB")
    if source.size != result.size:
        source = source.resize(result.size, Image.Resampling.LANCZOS)
    return compare(np.asarray(source), np.asarray(result.convert("RGB")))
