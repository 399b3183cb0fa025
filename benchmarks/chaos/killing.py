"""Ends processes at random moments."""

import random
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

import psutil

from benchmarks.chaos.nodes import Node
from benchmarks.chaos.worlds import World

Victim = Literal["server", "worker", "codec"]

#: Seconds between two kills, at least and at most.
PAUSES = (0.5, 6.0)
#: How many of a hundred come although somebody has not recovered from the one before.
HASTY = 25


@dataclass(kw_only=True)
class Killer:
    """Kills with SIGKILL. *chance* says when and whom."""

    world: World
    chance: random.Random
    pauses: tuple[float, float]
    killed: Counter[Victim] = field(default_factory=Counter)

    def kill(self, times: int) -> None:
        """Kill so many times, then wait until everything serves again."""
        kinds: list[Victim] = ["server", "codec"]
        if any(node.role == "worker" for node in self.world.nodes):
            kinds.append("worker")
        while self.killed.total() < times:
            if self.chance.randrange(100) >= HASTY:
                self.world.wait_until_ready()
            time.sleep(self.chance.uniform(*self.pauses))
            kind = self.chance.choice(kinds)
            if self._kill_one(kind):
                self.killed[kind] += 1
        self.world.wait_until_ready()

    def _kill_one(self, kind: Victim) -> bool:
        if kind != "codec":
            role = "serve" if kind == "server" else "worker"
            self.chance.choice([node for node in self.world.nodes if node.role == role]).kill()
            return True
        node: Node = self.chance.choice(self.world.nodes)
        codecs = node.codecs()
        if not codecs:  # it has just been killed
            return False
        with suppress(psutil.NoSuchProcess):
            self.chance.choice(codecs).kill()
            return True
        return False
