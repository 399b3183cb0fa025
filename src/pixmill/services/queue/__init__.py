"""
The durable queue: what is put in a transaction is run once that is committed, whoever dies.

    put ──in the caller's transaction──▶ DBOS's tables ──▶ one executor ──▶ Work, on its main loop
                                              ▲                 │ dies
                                              └── put back ◀── another one, or its next start

DBOS keeps the rows, hands each to one executor, and remembers what is done. It leaves to us who is
alive: its recovery looks at a process's own rows only, and its answer for many processes is a
proprietary service.

To read it in the order in which things happen:

1. `queue` is what the rest of Pixmill calls to have something done later.
2. `executor` is what a process starts that does it: on SQLite the only one (`role`).
3. `runtime` is DBOS itself, which there can be once in a process; `doorbells` tell it when there is
   something to fetch, because its own way to find out is a costly one; `silence` is its log.
4. `attempts` is what happens to work that fails.
5. `membership` is who is alive, and who gets the work of those who are not.

A workflow runs at least once: it is run again when its process dies, or is frozen for longer than
its lease and taken for dead. So work must be such that doing it twice is doing it once.
"""
