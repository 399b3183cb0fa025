"""Pictures are made on this machine, by the server's engine and in its locked processes."""

from dataclasses import asdict, replace

from pixmill.cli.loading import load
from pixmill.cli.optimize.types import SAME, Made, Order
from pixmill.engine import versions
from pixmill.engine.types import Options
from pixmill.services.cache import engine_version
from pixmill.services.pool.blob import Blob
from pixmill.services.pool.configuration import pool_config
from pixmill.services.pool.pool import Pool
from pixmill.services.pool.spawning import Spawned
from pixmill.services.production import produce, read_plans

#: Seconds, but more than any run takes.
WITHOUT_END = 1e6

#: Of a picture in another format than these, the result is in one of them.
KEPT = ("jpeg", "png", "webp", "avif", "gif", "jxl")


class LocalMaker:
    """Codec processes: as many as *jobs*, or as the settings say, of a *spawned* fork server."""

    def __init__(self, jobs: int | None, spawned: Spawned | None = None) -> None:
        config = pool_config(load(None))
        # Nobody waits at the other end: a file may take its turn however late that comes.
        self._config = replace(config, queue_timeout=WITHOUT_END, workers=jobs or config.workers)
        self.limits = self._config.limits
        self.pool = Pool(self._config, spawned=spawned)
        self.engine = engine_version()
        #: One works while the next is read and written.
        self.places = 2 * self._config.workers

    async def start(self) -> None:
        """Start the processes."""
        versions.check()
        await self.pool.start()

    async def make(self, data: bytes, order: Order, format_: str) -> Made:
        """Return the picture *data* as *order* wants it."""
        look = asdict(order.look)
        named = None if format_ == SAME else format_
        # In place, a picture whose format cannot be written fails; it must not get another one.
        keeps = KEPT if named is None and order.place.kind != "here" else ()
        options = Options(**look, format=named, keeps=keeps)
        with Blob.of(data) as blob:
            asked = options.width is not None or options.height is not None
            resized = asked and read_plans(blob, options, self.limits)[0].resize
            outcome = await produce(
                pool=self.pool, limits=self.limits, blob=blob, options=options, patient=True
            )
        return Made(
            data=outcome.data,
            format=outcome.format,
            how=outcome.how,
            score=outcome.score,
            resized=resized,
        )

    async def stop(self) -> None:
        """End the processes, whatever they are doing."""
        await self.pool.stop(grace=0)
