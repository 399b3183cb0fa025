"""Pictures go to the codec processes for nobody in particular: who pays is said elsewhere."""

import asyncio

from pixmill import errors
from pixmill.engine import codecs
from pixmill.engine.decode import readable
from pixmill.engine.plan import memory_size, plans
from pixmill.engine.probe import probe
from pixmill.engine.survey import Survey
from pixmill.engine.survey import prepare as prepare_survey
from pixmill.engine.types import ImageInfo, Limits, Options, Plan
from pixmill.services.outcome import Outcome
from pixmill.services.pool.blob import Blob
from pixmill.services.pool.pool import Pool

#: A larger header than this is read beside the event loop: a GIF's has to be walked to its end.
QUICK_SIZE = 1 << 20


async def produce(
    *, pool: Pool, limits: Limits, blob: Blob, options: Options, patient: bool = False
) -> Outcome:
    """
    Optimize *blob* for nobody in particular.

    The header is read here, in memory-safe code, so that what cannot work is refused before it
    waits for a codec process, and so that it waits for the memory that it will need.
    """
    if blob.size <= QUICK_SIZE:
        steps = read_plans(blob, options, limits)
    else:
        steps = await asyncio.to_thread(read_plans, blob, options, limits)
    done = await pool.optimize(
        blob, options, memory_size=max(map(memory_size, steps)), patient=patient
    )
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


async def measure(*, pool: Pool, limits: Limits, blob: Blob) -> Survey:
    """Measure the picture in *blob* for nobody in particular, who waits for as long as it takes."""
    plan = await asyncio.to_thread(_survey_plan, blob, limits)
    return await pool.survey(blob, memory_size=memory_size(plan), patient=True)


def read_plans(blob: Blob, options: Options, limits: Limits) -> tuple[Plan, ...]:
    """Return what *options* may mean for *blob*, by its header. Reads all of a GIF."""
    return plans(_probed(blob), options, limits)


def _survey_plan(blob: Blob, limits: Limits) -> Plan:
    return prepare_survey(_probed(blob), limits)


def _probed(blob: Blob) -> ImageInfo:
    """Return what the header says. Raises UnreadableImage or UnsupportedFormat."""
    with blob.view() as data:
        info = probe(data)
    if info.format not in readable():
        raise errors.UnsupportedFormat
    return info
