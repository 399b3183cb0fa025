"""What the settings say of codec processes."""

from pixmill.engine.types import Limits
from pixmill.services.pool.types import PoolConfig
from pixmill.settings import Settings

_MIB = 1024 * 1024


def pool_config(settings: Settings) -> PoolConfig:
    """Return what *settings* say of the codec processes."""
    return PoolConfig(
        workers=settings.workers,
        queue_size=settings.queue_size,
        queue_timeout=settings.queue_timeout,
        job_timeout=settings.job_timeout,
        memory_size=settings.pixel_memory_mb * _MIB,
        worker_memory_size=settings.worker_memory_mb * _MIB,
        worker_jobs=settings.worker_jobs,
        limits=Limits(
            max_pixels=settings.max_pixels,
            max_side=settings.max_side,
            max_frames=settings.max_frames,
            max_result_pixels=settings.max_result_pixels,
        ),
        require=settings.sandbox_require,
    )
