"""Patterns of file names: ``*.png``, ``drafts``, ``blog/**/hero-?.jpg``."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import PurePath

_MAGIC = re.compile(r"[*?\[]")
_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]/]*\]|.", re.DOTALL)


class BadPattern(ValueError):
    """The pattern means nothing."""


#: Says whether a path below the place where one looks is meant.
Matcher = Callable[[PurePath], bool]


def is_pattern(text: str) -> bool:
    """Say whether *text* may stand for several names."""
    return bool(_MAGIC.search(text))


def matcher(patterns: Sequence[str]) -> Matcher:
    """
    Return what says whether one of *patterns* means a path.

    One without a slash is of a name, also of a folder's that the path leads through; one with a
    slash is of the whole path, in which ``*`` stays within a name and ``**`` does not.
    """

    def matches(path: PurePath) -> bool:
        return any(
            bool(compiled(each).fullmatch(path.as_posix()))
            if "/" in each
            else any(compiled(each).fullmatch(part) for part in path.parts)
            for each in patterns
        )

    return matches


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Return *pattern* as a regular expression. Raises BadPattern."""
    try:
        return re.compile("".join(map(_expression, _TOKEN.findall(pattern.removeprefix("./")))))
    except re.error as error:
        raise BadPattern(f"{pattern} is no pattern: {error.msg}.") from error


def _expression(token: str) -> str:
    if len(token) > 1 and token.startswith("["):
        inside = token[1:-1]
        negated = inside.startswith("!")
        body = re.sub(r"([\\\[\]^&~|])", r"\\\1", inside[negated:])
        return f"[{'^' * negated}{body}]"
    return {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(token, re.escape(token))
