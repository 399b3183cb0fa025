"""A codec process that works all day does not grow."""

import itertools
import os

import psutil
import pytest

from pixmill import errors
from pixmill.engine.types import Options
from pixmill.services.pool.blob import Blob
from pixmill.services.pool.pool import Pool
from pixmill.services.pool.types import PoolConfig

from fixtures.pictures import animation, encode, graphic, photo, translucent

PICTURES = 800

#: Bytes of the one picture that is cut off.
BROKEN = 900

#: Bytes that a process may gain between the first quarter and the end.
ALLOWED = 40_000_000

CONFIG = PoolConfig(
    workers=1,
    queue_size=8,
    queue_timeout=60,
    job_timeout=60,
    memory_size=1 << 30,
    worker_memory_size=2 << 30,
    worker_jobs=10 * PICTURES,
)


@pytest.mark.anyio
async def test_a_codec_process_does_not_grow_over_hundreds_of_mixed_pictures():
    sizes = [(24, 16), (60, 41), (90, 61), (120, 90), (320, 40)]
    uploads = [
        *(encode(photo(*size, seed=n), "JPEG", quality=88) for n, size in enumerate(sizes)),
        *(encode(graphic(*size), "PNG") for size in sizes[1:4]),
        encode(translucent(), "WEBP"),
        encode(photo(120, 90), "TIFF"),
        animation("GIF"),
        encode(photo(120, 90), "JPEG")[:BROKEN],
    ]
    targets = [Options(format=name) for name in ("jpeg", "webp", "gif")]
    jobs = itertools.cycle(
        [
            *itertools.product(uploads, [*targets, Options(width=40)]),
            *((upload, Options(format="avif", width=64)) for upload in uploads[:3]),
        ]
    )
    others = set(children())
    pool = Pool(CONFIG)
    await pool.start()
    try:
        (fork_server,) = set(children()) - others
        (process,) = fork_server.children()
        seen: list[int] = []
        for number in range(PICTURES):
            data, options = next(jobs)
            with Blob.of(data) as blob:
                try:
                    await pool.optimize(blob, options, memory_size=1 << 20)
                except errors.UnreadableImage:
                    assert len(data) == BROKEN
            if number in {PICTURES // 4, PICTURES - 1}:
                seen.append(process.memory_info().rss)
        status = pool.status()
    finally:
        await pool.stop()

    assert status.counters.jobs == PICTURES
    assert status.counters.crashed == 0
    assert status.counters.recycled == 0
    assert seen[1] - seen[0] < ALLOWED


def children() -> list[psutil.Process]:
    return psutil.Process(os.getpid()).children()
