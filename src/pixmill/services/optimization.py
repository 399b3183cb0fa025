"""The one path every image takes: sync calls, jobs, batches and the dashboard all end here."""

import asyncio
from dataclasses import dataclass, field

from pixmill import errors
from pixmill.engine import codecs
from pixmill.engine.decode import readable
from pixmill.engine.plan import memory_size, plans
from pixmill.engine.probe import probe
from pixmill.engine.types import How, Limits, Options, Plan
from pixmill.services.keys import Caller
from pixmill.services.pool.blob import Blob
from pixmill.services.pool.pool import Pool
from pixmill.services.quotas import Quotas

#: A larger header than this is read beside the event loop: a GIF's has to be walked to its end.
QUICK_SIZE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a caller gets for an image."""

    data: bytes = field(repr=False)
    format: str
    mime: str
    extension: str
    width: int
    height: int
    frames: int
    how: How
    score: float | None  #: SSIMULACRA2, where it was measured
    original_size: int  #: bytes of the upload


class Optimization:
    """Turns uploads into results, charging for what succeeds."""

    def __init__(self, *, quotas: Quotas, pool: Pool, limits: Limits) -> None:
        self._quotas = quotas
        self._pool = pool
        self._limits = limits

    async def run(self, *, caller: Caller, blob: Blob, options: Options) -> Outcome:
        """Optimize *blob* for *caller* and charge for it, if and only if there is a result."""
        async with self._quotas.reserve(caller=caller) as reservation:
            outcome = await produce(
                pool=self._pool, limits=self._limits, blob=blob, options=options
            )
            await reservation.settle(bytes_in=blob.size, bytes_out=len(outcome.data))
        return outcome


async def produce(*, pool: Pool, limits: Limits, blob: Blob, options: Options) -> Outcome:
    """
    Optimize *blob* for nobody in particular.

    The header is read here, in memory-safe code, so that what cannot work is refused before it
    waits for a codec process, and so that it waits for the memory that it will need.
    """
    if blob.size <= QUICK_SIZE:
        steps = _plans(blob, options, limits)
    else:
        steps = await asyncio.to_thread(_plans, blob, options, limits)
    done = await pool.optimize(blob, options, memory_size=max(map(memory_size, steps)))
    codec = codecs.get(done.format)
    return Outcome(
        data=done.data,
        format=done.format,
        mime=codec.mime,
        extension=codec.extension,
        width=done.width,
        height=done.height,
        frames=done.frames,
        how=done.how,
        score=done.score,
        original_size=blob.size,
    )


def _plans(blob: Blob, options: Options, limits: Limits) -> tuple[Plan, ...]:
    with blob.view() as data:
        info = probe(data)
    if info.format not in readable():
        raise errors.UnsupportedFormat
    return plans(info, options, limits)
