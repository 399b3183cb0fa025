"""Putting work into the queue, and looking after what DBOS keeps there."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter

from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions, WorkflowStatusString
from sqlalchemy import URL, Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.services.queue import silence
from pixmill.services.queue.types import APPLICATION, VERSION, Claim, Lane
from pixmill.stores.db import parse, thread_engine, worded

#: Rows that are forgotten in one transaction.
PAGE = 500

#: Seconds between two looks of an executor that does not hear its doorbell.
POLL_SECONDS = 0.1

_ENDED = [
    WorkflowStatusString.SUCCESS.value,
    WorkflowStatusString.ERROR.value,
    WorkflowStatusString.CANCELLED.value,
]


class Queue:
    """
    The queue of one database, for every process: also for those that run nothing.

    Call `start` before anything else.
    """

    def __init__(self, *, database_url: str) -> None:
        silence.dbos()
        self._url = parse(database_url)
        # Not that of an executor's DBOS: nobody may hold a connection and wait for another.
        self._engine = thread_engine(database_url, connections=2)
        self._client = DBOSClient(
            system_database_engine=self._engine,
            application_name=APPLICATION,
            serializer=DBOSPortableJSONSerializer(),
            lazy=True,
            # It would wait inside the caller's request until the database is there again.
            retry_connection_errors=False,
        )
        self._started = False

    async def start(self) -> None:
        """Make DBOS's tables, or bring them up to date; any number of processes may do so."""
        if not self._started:
            await asyncio.to_thread(self._migrate)
            self._started = True

    async def put(
        self,
        connection: AsyncConnection,
        *,
        lane: Lane,
        id_: str,
        argument: str,
        priority: int = 1,
    ) -> None:
        """
        Have *argument* worked on in *lane* once the caller's transaction is committed.

        The same *id_* twice is the same work, until it is done and forgotten. The smaller the
        number of its *priority*, the earlier its turn; among equals, it is that of the first put.
        """
        options = EnqueueOptions(
            workflow_name=lane.workflow,
            queue_name=lane.name,
            workflow_id=id_,
            app_version=VERSION,
            priority=priority,
        )

        def enqueue(sync_connection: Connection) -> None:
            self._client.enqueue_in_transaction(sync_connection, options, argument)

        await connection.run_sync(enqueue)

    async def forget(self, *, before: datetime) -> int:
        """Remove what DBOS keeps of work that ended before then; return how many pieces it was."""
        return await asyncio.to_thread(self._forget, before.astimezone(UTC).isoformat())

    async def open_lanes(self, lanes: Iterable[Lane]) -> None:
        """Tell DBOS which lanes there are."""
        await asyncio.to_thread(self._open_lanes, list(lanes))

    async def claims(self, *, node: str | None = None) -> list[Claim]:
        """Return what executors have taken and not brought to an end: all of them, or *node*."""
        return await asyncio.to_thread(self._claims, node)

    async def put_back(self, claims: Sequence[Claim]) -> None:
        """
        Take work away from executors that will not go on with it, and have it run by any.

        DBOS does not look at who has it: only for somebody who knows that nobody else does this.
        """
        await asyncio.to_thread(self._put_back, claims)

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.to_thread(self._client.destroy)
        await asyncio.to_thread(self._engine.dispose)

    def _migrate(self) -> None:
        with worded():
            DBOS.migrate(_plain(self._url))

    def _forget(self, before: str) -> int:
        count = 0
        while True:
            with worded():
                page = self._client.list_workflows(
                    status=_ENDED,
                    completed_before=before,
                    limit=PAGE,
                    load_input=False,
                    load_output=False,
                )
                if not page:
                    return count
                self._client.delete_workflows([each.workflow_id for each in page])
            count += len(page)

    def _open_lanes(self, lanes: Sequence[Lane]) -> None:
        with worded():
            for lane in lanes:
                self._client.register_queue(
                    lane.name,
                    worker_concurrency=lane.places,
                    polling_interval_sec=POLL_SECONDS,
                )

    def _claims(self, node: str | None) -> list[Claim]:
        with worded():
            pending = self._client.list_workflows(
                status=WorkflowStatusString.PENDING.value,
                executor_id=node,
                load_input=False,
                load_output=False,
            )
        return [
            Claim(id=each.workflow_id, lane=each.queue_name, node=each.executor_id)
            for each in pending
            if each.queue_name and each.executor_id
        ]

    def _put_back(self, claims: Sequence[Claim]) -> None:
        by_lane = attrgetter("lane")
        for lane, group in groupby(sorted(claims, key=by_lane), by_lane):
            with worded():
                # Without its lane, DBOS would start all of it at once.
                self._client.resume_workflows([claim.id for claim in group], queue_name=lane)


def _plain(url: URL) -> str:
    """Return *url* with its password, and without a driver: DBOS knows which one to take."""
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False)
