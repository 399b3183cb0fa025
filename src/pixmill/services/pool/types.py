"""The words of the pool: what it is told, what it gives back, and what it says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pixmill.engine.types import How, Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolConfig:
    """How many codec processes there are, and what they may cost. Mirrors `pixmill.settings`."""

    workers: int
    queue_size: int  #: images that may wait for their turn
    queue_timeout: float  #: seconds that an image may wait
    job_timeout: float  #: seconds after which the work on one image is killed
    memory_size: int  #: bytes that all images being worked on may need together
    worker_memory_size: int  #: bytes of address space that one process may take for its work
    worker_jobs: int  #: images after which a process is replaced
    output_size: int = 128 * 1024 * 1024  #: bytes of the largest result
    limits: Limits = field(default_factory=Limits)
    require: tuple[str, ...] = ()  #: layers without which the pool does not start


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """What a codec process found the upload to be."""

    format: str
    width: int
    height: int
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimized:
    """What a codec process made of an image: of the right shape, but only as true as it is."""

    data: bytes = field(repr=False)
    format: str
    width: int
    height: int
    frames: int
    how: How
    score: float | None
    source: SourceFacts


@dataclass(slots=True, kw_only=True)
class Counters:
    """What has happened since the start."""

    jobs: int = 0  #: handed to a process
    killed: int = 0  #: at their deadline
    crashed: int = 0  #: processes that died of a job, or said what no sound one says
    cancelled: int = 0  #: because the caller went away
    recycled: int = 0  #: processes replaced after their share of jobs
    refused: int = 0  #: because too many were waiting, or for too long


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolStatus:
    """How the pool does at this moment."""

    workers: int  #: that there should be
    alive: int
    busy: int
    waiting: int  #: images
    memory_in_use: int  #: bytes, as estimated for the images being worked on
    memory_size: int
    layers: tuple[str, ...]  #: that every process has on, in the order of `sandbox.LAYERS`
    missing: Mapping[str, str]  #: the other layers, and why some process lacks them
    counters: Counters
