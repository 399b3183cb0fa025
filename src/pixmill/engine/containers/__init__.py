"""Walkers over the containers that pictures come in: where the pieces lie, not what they mean."""

import mmap

#: A file in memory. Slices are bytes, whichever it is.
Data = bytes | mmap.mmap

# Real pieces (segments, chunks, frames) have kilobytes. A file of nothing but tiny ones was made to
# keep its reader busy.
FREE_PIECES = 32_768
BYTES_PER_PIECE = 1024


def allowance(data: Data) -> int:
    """Return how many pieces of one kind are read from *data* before it is given up."""
    return FREE_PIECES + len(data) // BYTES_PER_PIECE
