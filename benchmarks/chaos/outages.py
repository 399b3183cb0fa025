"""
Stop PostgreSQL, Valkey and S3 for a while under load, and listen to what callers are told.

    python -m benchmarks.chaos.outages [--seconds 10] [--only S3]

Two servers and two workers stand on the three. Each of these is frozen once (SIGSTOP: it takes
connections and says nothing) and stopped once (it is killed, and started again). Meanwhile two
senders fill batches, and three callers ask every quarter of a second: for an image to be optimized,
for how a batch stands, for a result. They may be told the truth, or 503 with `Retry-After` in the
API's words, and nothing else, within 30 s. Nobody restarts Pixmill.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import httpx
import typer

from benchmarks.chaos.asking import PAUSE, Asking, Heard
from benchmarks.chaos.auditing import Audit, audit, charged
from benchmarks.chaos.calling import Caller, Wrong
from benchmarks.chaos.loading import AHEAD, Load
from benchmarks.chaos.worlds import World, grown
from benchmarks.tables import show

Manner = Literal["frozen", "stopped"]
MANNERS: tuple[Manner, ...] = ("frozen", "stopped")

#: Seconds of load before the outage, and after all callers had success again.
AROUND = 2.0
#: Seconds that recovery, and the work accepted so far, may take.
DONE_WITHIN = 120.0

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one outage."""

    service: str
    manner: Manner
    heard: dict[str, Heard]
    back: dict[str, float]  #: seconds from the end of the outage to the first success
    wrong: list[Wrong]
    audit: Audit
    problems: list[str]


def run(  # noqa: PLR0913 - how hard it is made
    world: World,
    *,
    service: str,
    manner: Manner,
    seconds: float,
    around: float = AROUND,
    ahead: int = AHEAD,
) -> Outcome:
    """Take *service* away for so long, let the world become quiet, and audit it."""
    customer = world.customer()
    caller = Caller(base_url=lambda: world.base_url, key=customer.key)
    load = Load(caller, seed=1, ahead=ahead)
    before = [node.pid for node in world.nodes]
    with load.running():
        load.wait_until_begun()
        time.sleep(around)
        asking = Asking(world, load)
        with asking.running():
            time.sleep(PAUSE)
            with _outage(world, service, manner):
                time.sleep(seconds)
            asking.ended_at = time.monotonic()
            asking.wait_until_back(DONE_WITHIN)
            time.sleep(around)
    load.wait_until_done(DONE_WITHIN)
    found = audit(world, customer, caller, load.parcels)
    problems = list(found.problems)
    if before != [node.pid for node in world.nodes]:
        problems.append("a process ended")
    problems += _charges(world, asking)
    problems += [f"{code}: {count} sound files" for code, count in found.unjust.items()]
    problems += [
        f"{name} never came back" for name, each in asking.heard.items() if not each.back_at
    ]
    problems += [f"{status} by connection" for status in caller.heard if not status]
    caller.close()
    return Outcome(
        service=service,
        manner=manner,
        heard=asking.heard,
        back={
            name: each.back_at - asking.ended_at
            for name, each in asking.heard.items()
            if each.back_at
        },
        wrong=[*asking.wrong, *caller.wrong],
        audit=found,
        problems=problems,
    )


def _charges(world: World, asking: Asking) -> Iterator[str]:
    """Compare what the one who has images optimized was charged with what he got."""
    got = 1 + asking.heard["optimize"].statuses[httpx.codes.OK]
    paid = charged(world, asking.customer)
    # An answer whose books were being closed at that very moment may be paid and not be heard.
    if not got <= paid <= got + 1:
        yield f"{paid} requests charged for {got} answers"


@contextmanager
def _outage(world: World, service: str, manner: Manner) -> Iterator[None]:
    victim = world.services[service]
    if manner == "frozen":
        victim.freeze()
    else:
        victim.kill()
    try:
        yield
    finally:
        if manner == "frozen":
            victim.thaw()
        else:
            victim.start()


@app.command()
def main(
    *,
    seconds: Annotated[float, typer.Option(min=0, help="Of each outage.")] = 10,
    only: Annotated[str, typer.Option(help="Services, by comma.")] = "PostgreSQL,Valkey,S3",
) -> None:
    """Cause all outages, one after the other; exit with 1 if anything was not as it should be."""
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="pixmill-chaos-") as place, grown(Path(place)) as world:
        for service in only.split(","):
            for manner in MANNERS:
                outcome = run(world, service=service, manner=manner, seconds=seconds)
                tell(outcome)
                outcomes.append(outcome)
    if any(each.problems or each.wrong for each in outcomes):
        sys.exit(1)


def tell(outcome: Outcome) -> None:
    """Print the table of docs/benchmarks.md, and what is wrong."""
    show(
        (f"{outcome.service} {outcome.manner}", "answers", "slowest, s", "back after, s"),
        (
            (name, dict(sorted(each.statuses.items())), each.slowest, outcome.back.get(name))
            for name, each in outcome.heard.items()
        ),
    )
    found = outcome.audit
    print(
        f"{found.accepted} files accepted, {found.completed} completed, {found.downloaded} results "
        f"downloaded, {found.charged} charged"
    )
    for wrong in outcome.wrong:
        print(f"wrong: {wrong.what}: {wrong.status} {wrong.body}")
    for problem in outcome.problems:
        print(f"problem: {problem}")


if __name__ == "__main__":
    app()
