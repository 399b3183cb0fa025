"""DBOS in this process: begun, told to take no more, and ended; one at a time."""

import threading
from collections.abc import Awaitable, Callable, Iterable

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

from pixmill import errors
from pixmill.services.queue.doorbells import Doorbells
from pixmill.services.queue.types import APPLICATION, VERSION, Lane
from pixmill.stores.db import thread_engine, worded

#: Threads that write down what has ended, and connections for them and for those that poll.
THREADS = 4
CONNECTIONS = 8

#: Seconds that the threads which poll get to finish what they are doing.
QUIET_SECONDS = 10.0
_POLLING_THREADS = "queue-worker-"

#: What is done with one piece of work: its lane, its id, its argument. Runs on DBOS's own loop.
Body = Callable[[Lane, str, str], Awaitable[None]]

#: DBOS is one object in a process, and hands the same one out when another is asked for.
_only = threading.Lock()


class Runtime:
    """
    One life of DBOS, under a name that no other life has ever had.

    All methods block; they are for a thread without an event loop.
    """

    def __init__(self, *, id_: str, database_url: str, lanes: Iterable[Lane], body: Body) -> None:
        self._id = id_
        self._lanes = list(lanes)
        self._body = body
        self._engine = thread_engine(database_url, connections=CONNECTIONS)
        self._dbos: DBOS | None = None
        self._begun = False
        #: Who tells DBOS that there is work; a place that becomes free is to be told to them.
        self.doorbells: Doorbells | None = None

    def launch(self, *, room: Callable[[Lane], bool]) -> None:
        """Begin to take work. Raises Internal when this process does so already."""
        if not _only.acquire(blocking=False):
            raise errors.Internal("This process runs work already.")
        self._begun = True
        try:
            with worded():
                self._launch(room)
        except BaseException:
            self.end()
            raise

    def _launch(self, room: Callable[[Lane], bool]) -> None:
        self._dbos = DBOS(
            config=DBOSConfig(
                name=APPLICATION,
                application_version=VERSION,
                executor_id=self._id,
                system_database_engine=self._engine,
                run_migrations=False,  # `Queue.start` has done it
                serializer=DBOSPortableJSONSerializer(),  # its own is pickle
                max_executor_threads=THREADS,
                log_level="WARNING",
                # We wait for nothing that is notified, and its thread wakes up 100 times a second.
                use_listen_notify=False,
                notification_listener_polling_interval_sec=0.1,  # its end waits for that long
                scheduler_polling_interval_sec=300.0,  # we have no schedules
            )
        )
        for lane in self._lanes:
            self._register(lane)
        # Otherwise it takes from all queues there are, also those of a newer version's lanes.
        DBOS.listen_queues([lane.name for lane in self._lanes])
        DBOS.launch()
        self.doorbells = Doorbells(self._lanes, engine=self._engine, room=room)
        self.doorbells.hang_up(self._dbos.background_thread_stop_events)

    def _register(self, lane: Lane) -> None:
        # No steps: the work is all there is to remember, and a step would write it down twice
        # (measured: 10 ms of CPU for one piece instead of 6.5). No attempts are counted either:
        # to put work back sets DBOS's number to nothing, so it says nothing.
        @DBOS.workflow(name=lane.workflow, max_recovery_attempts=None)
        async def workflow(argument: str) -> None:
            id_ = DBOS.workflow_id
            assert id_ is not None
            await self._body(lane, id_, argument)

    def quiet(self) -> None:
        """Take no more work, and return once none can come any more."""
        if self._dbos is not None:
            # The first thing that DBOS does when it is ended, without the rest.
            for stop_event in self._dbos.background_thread_stop_events:
                stop_event.set()
        if self.doorbells is not None:
            self.doorbells.stop()
        for thread in threading.enumerate():
            # One that is not alive is only about to start, and finds that it need not.
            if thread.name.startswith(_POLLING_THREADS) and thread.is_alive():
                thread.join(QUIET_SECONDS)

    def end(self) -> None:
        """End DBOS. What it is doing is left where it is, and is still ours in its tables."""
        if not self._begun:
            return
        try:
            self.quiet()
            DBOS.destroy(destroy_registry=True)
            self._engine.dispose()
        finally:
            self._dbos = self.doorbells = None
            self._begun = False
            _only.release()
