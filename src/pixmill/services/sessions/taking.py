"""Taking pictures in: a file that may come into a session is looked at, and stored."""

import asyncio
import re

from pixmill.engine.types import Options
from pixmill.services.optimization import Optimization
from pixmill.services.pool.blob import Blob
from pixmill.services.sessions.types import Upload
from pixmill.services.uploads import Uploads
from pixmill.services.vision.text import clean

#: Characters of the longest name that is given back.
NAME_LENGTH = 200

# What no export rules out; which one it will be is not known yet.
_ANYTHING = Options(keeps=("jpeg", "png", "webp", "avif", "gif"))


async def take(
    blob: Blob, *, filename: str, optimization: Optimization, uploads: Uploads
) -> Upload:
    """Store *blob*. Raises BadInput for what is no picture, StorageFull or Unavailable."""
    info = await asyncio.to_thread(optimization.check, blob=blob, options=_ANYTHING)
    width, height = info.upright_size
    return Upload(
        key=await uploads.keep(blob),
        filename=filename,
        size=blob.size,
        format=info.format,
        width=width,
        height=height,
    )


def plain_name(name: str | None) -> str | None:
    """Return *name* without folders and what cannot be seen."""
    last = re.split(r"[\\/]", name or "")[-1]
    return clean(last[-4 * NAME_LENGTH :])[-NAME_LENGTH:].strip() or None
