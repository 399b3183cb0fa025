"""Types that the queue's modules share, and what Pixmill is called in DBOS's tables."""

from dataclasses import dataclass

#: Whose rows these are, should somebody else use DBOS in the same database.
APPLICATION = "pixmill"

#: Which executors may run what is put. DBOS's own choice is a hash of the workflows' source, with
#: which every upgrade would strand what was accepted before it. Ours have one argument and no
#: steps, so any version can run the work of any other. What the argument means, its Work must say.
VERSION = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """
    A queue of its own, so that one kind of work does not wait for another.

    Executors keep *places* in the database: of several that differ, the last one started decides.
    """

    name: str
    workflow: str  #: what one piece of this work is called
    places: int  #: pieces that one executor works on at one time


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A piece of work that some executor has taken and not brought to an end."""

    id: str
    lane: str
    node: str
