"""
Kill processes at random moments under load, and look for anything that was lost.

    python -m benchmarks.chaos [--kills 50] [--grown] [--seed 1]

Two senders put files into batches, in chunks with an `Idempotency-Key` each, and repeat what was
not answered with the same key. Meanwhile SIGKILL hits the server, a codec process, and with
`--grown` (two servers and two workers on PostgreSQL, Valkey and S3) a worker. Each process is
started again at once. When all is quiet, everything that was accepted is asked for, downloaded and
decoded, and compared with the books.
"""

import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from benchmarks.chaos.auditing import Audit, audit
from benchmarks.chaos.calling import Caller, Wrong
from benchmarks.chaos.killing import PAUSES, Killer, Victim
from benchmarks.chaos.loading import AHEAD, Load
from benchmarks.chaos.worlds import World, embedded, grown
from benchmarks.tables import show

#: Seconds of load before the first kill, and after all have recovered from the last.
AROUND = 3.0
#: Seconds that the work accepted so far may take at the end.
DONE_WITHIN = 300.0

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a run."""

    killed: Counter[Victim]
    restarts: list[float]  #: seconds until served
    heard: Counter[int]
    slowest: float
    wrong: list[Wrong]
    audit: Audit


@app.command()
def main(
    *,
    kills: Annotated[int, typer.Option(min=1)] = 50,
    as_grown: Annotated[bool, typer.Option("--grown", help="Servers and workers.")] = False,
    seed: Annotated[int, typer.Option(help="Of the moments, the victims and the files.")] = 1,
) -> None:
    """Kill, wait, audit; exit with 1 if anything is not as it should be."""
    start = grown if as_grown else embedded
    with (
        tempfile.TemporaryDirectory(prefix="pixmill-chaos-") as place,
        start(Path(place)) as world,
    ):
        outcome = run(world, kills=kills, seed=seed)
    tell(outcome)
    if outcome.wrong or outcome.audit.problems or outcome.audit.unjust:
        sys.exit(1)


def run(  # noqa: PLR0913 - how hard it is made
    world: World,
    *,
    kills: int,
    seed: int,
    pauses: tuple[float, float] = PAUSES,
    around: float = AROUND,
    ahead: int = AHEAD,
) -> Outcome:
    """Kill *kills* times under load, let the world become quiet, and audit it."""
    customer = world.customer()
    caller = Caller(base_url=lambda: world.base_url, key=customer.key)
    killer = Killer(world=world, chance=random.Random(seed), pauses=pauses)
    load = Load(caller, seed=seed, ahead=ahead)
    with load.running():
        time.sleep(around)
        killer.kill(kills)
        time.sleep(around)
    load.wait_until_done(DONE_WITHIN)
    found = audit(world, customer, caller, load.parcels)
    caller.close()
    return Outcome(
        killed=killer.killed,
        restarts=[seconds for node in world.nodes for seconds in node.restarts],
        heard=caller.heard,
        slowest=caller.slowest,
        wrong=caller.wrong,
        audit=found,
    )


def tell(outcome: Outcome) -> None:
    """Print the table of docs/benchmarks.md, and what is wrong."""
    found, restarts = outcome.audit, outcome.restarts or [0.0]
    show(
        ("", "value"),
        (
            ("killed", ", ".join(f"{name} {count}" for name, count in outcome.killed.items())),
            ("files accepted", found.accepted),
            ("completed, of these from the cache", f"{found.completed}, {found.cached}"),
            ("failed because they were broken", found.failed),
            ("failed although they were sound", dict(found.unjust) or 0),
            ("files rejected", found.rejected),
            ("results downloaded and decoded", found.downloaded),
            ("requests charged", found.charged),
            (
                "restart to serving, s: median, worst",
                f"{median(restarts):.2f}, {max(restarts):.2f}",
            ),
            ("restarts", len(outcome.restarts)),
            ("answers by status (0: broken)", dict(sorted(outcome.heard.items()))),
            ("slowest answer, s", outcome.slowest),
        ),
    )
    for wrong in outcome.wrong:
        print(f"wrong: {wrong.what}: {wrong.status} {wrong.body}")
    for problem in found.problems:
        print(f"problem: {problem}")


if __name__ == "__main__":
    app()
