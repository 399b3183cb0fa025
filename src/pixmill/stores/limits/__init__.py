"""
Counts of requests in windows of time: in this process, or in a Valkey that servers share.

A minute is a window that rolls: the 60 seconds up to now, whenever that is. A fixed one would let
twice the limit through around its edge, and a bucket or a weighted counter lets a few more through
while it refills. The price is a list of times: about 10 bytes for each request of the last minute
in Valkey and 40 in memory, so 30 KB there for the busiest plan. A day is a counter that starts
again at midnight, UTC.

All windows of a request are asked and spent in one step, so that what the day refuses costs nothing
of the minute. docs/adr/0015-rate-limits-of-our-own.md says why no library does it.
"""

from pixmill.stores.limits.memory import MemoryWindows
from pixmill.stores.limits.valkey import ValkeyWindows
from pixmill.stores.limits.windows import Windows


def windows_at(url: str) -> Windows:
    """
    Return the counts kept at *url*: ``redis://HOST:PORT/DB``, or this process's when it is empty.

    Nothing is connected yet. Raises Internal when the URL cannot be one.
    """
    return ValkeyWindows(url) if url else MemoryWindows()
