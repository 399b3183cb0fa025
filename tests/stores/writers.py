"""What other processes do to a store: meet a full disk, and die in the middle of writing."""

import asyncio
import json
import os
import resource
import subprocess
import sys
from itertools import count
from pathlib import Path

from pixmill import errors
from pixmill.stores.objects import Objects

SIZE = 16 << 20


def full(folder: Path) -> None:
    """Fill a disk of 1 MiB, and say what was left and whether it went on afterwards."""
    tmpfs = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(tmpfs, check=False, capture_output=True).returncode:
        # No namespaces here: the next best limit is one on the size of each file.
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    sys.stdout.write(json.dumps(asyncio.run(_fill(folder))))
    sys.stdout.flush()
    # A thread of the store that lets go of the last answer while the interpreter ends aborts it
    # (seen in one of ten runs on a busy machine); a server lives on for longer than that.
    os._exit(0)


async def _fill(folder: Path) -> dict[str, object]:
    objects = Objects(folder.as_uri())
    await objects.put("aa/first", b"1" * 1000)
    try:
        await objects.put("aa/large", b"2" * (3 << 20))
        said = "stored"
    except errors.StorageFull as error:
        said = str(error)
    left = sorted(path.name for path in (folder / "aa").iterdir())
    await objects.put("aa/second", b"3" * 1000)
    return {"said": said, "left": left, "second": await objects.size("aa/second")}


def endless(folder: Path) -> None:
    """Write files of one repeated byte until killed."""
    asyncio.run(_write(Objects(folder.as_uri())))


async def _write(objects: Objects) -> None:
    for number in count():
        await objects.put(f"aa/{number}", bytes([number % 256]) * SIZE)
        if not number:
            sys.stdout.write("begun\n")
            sys.stdout.flush()


if __name__ == "__main__":
    {"full": full, "endless": endless}[sys.argv[1]](Path(sys.argv[2]))
