"""What a request asks for, as one short text: equal for equal requests (OG-59)."""

import hashlib
import json
from collections.abc import Iterable, Mapping

from pixmill import errors
from pixmill.http.uploads import Part


def fingerprint(
    *, method: str, path: str, fields: Mapping[str, object], parts: Iterable[Part] = ()
) -> str:
    """
    Return the SHA-256 of a request's contents, in hexadecimal.

    *fields* are the text fields of a form or a JSON object; their order does not matter, that of
    *parts*, its files, does. How a body was put together (boundaries, headers, pieces) is not
    looked at. Raises BadInput when *fields* are nested too deep.
    """
    files = [
        (part.field, part.filename, part.digest)
        for part in sorted(parts, key=lambda part: part.index)
    ]
    try:
        # ASCII, so that a lone surrogate, which JSON may have and UTF-8 may not, is no obstacle.
        text = json.dumps(
            [method, path, fields, files], sort_keys=True, separators=(",", ":"), ensure_ascii=True
        )
    except RecursionError as error:
        raise errors.BadInput("The body is nested too deep.") from error
    return hashlib.sha256(text.encode()).hexdigest()
