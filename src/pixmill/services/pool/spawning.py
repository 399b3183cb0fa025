"""A fork server is started: apart from what speaks with it, so that both can load at once."""

import os
import subprocess
import sys
from pathlib import Path

from pixmill.services.pool import kernel
from pixmill.services.pool.channel import Channel

#: A fork server that loads what it was told to, or is done with that, and waits for its orders.
Spawned = tuple[subprocess.Popen[bytes], Channel]

#: What a fork server loads unless a test says otherwise.
PRELOAD = "pixmill.engine.preload:preload"

#: All that the fork server and its codec processes know of the server's environment, which holds
#: passwords and keys.
_ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "PATH": "/usr/bin:/bin",
    # A process does one job at a time, and there is one per core.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "VIPS_CONCURRENCY": "1",
    # Leaves the loaders that libvips' authors would not feed with strangers' files.
    "VIPS_BLOCK_UNTRUSTED": "1",
    # See `kernel.give_memory_back`.
    "MALLOC_ARENA_MAX": "2",
}


def spawn(preload: str = PRELOAD, *, framed: bool = not kernel.LINUX) -> Spawned:
    """
    Start a fork server that loads *preload*; it ends when the channel to it is closed.

    Nobody who starts one early waits for it: `Pool` does when it is given it.
    """
    control, theirs = Channel.pair(framed=framed)
    # It finds modules where this process does, but (-P) not in the current folder.
    path = os.pathsep.join(str(Path(folder).absolute()) for folder in sys.path if folder)
    with theirs:
        descriptor = theirs.fileno()
        process = subprocess.Popen(  # noqa: S603 nothing in it comes from outside
            [
                *(sys.executable, "-P", "-m", "pixmill.services.pool.forkserver"),
                *(str(descriptor), preload),
            ],
            env=_ENVIRONMENT | {"PYTHONPATH": path},
            pass_fds=[descriptor],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            # What a terminal sends to the server's group is for the server to act on.
            start_new_session=True,
        )
    return process, control


def dismiss(spawned: Spawned) -> None:
    """End a fork server that is not needed after all."""
    process, control = spawned
    control.close()
    process.kill()
    process.wait()
