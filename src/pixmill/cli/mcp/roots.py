"""The folders that an assistant may use, and whether a path is in one of them."""

from collections.abc import Sequence
from pathlib import Path

from pixmill import errors


class Roots:
    """*folders*, of which relative paths are meant from the first."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = [folder.resolve(strict=True) for folder in folders]

    def __str__(self) -> str:
        return ", ".join(map(str, self._folders))

    def inside(self, text: str) -> Path:
        """
        Return where *text* leads to, behind all links; nothing need be there.

        Raises BadOption, in words for whoever named it, when that is in none of the folders.
        """
        path = Path(text)
        if not text or "\0" in text:
            raise errors.BadOption("A path has at least one character, and no zero bytes.")
        if ".." in path.parts:
            raise errors.BadOption(f"{text}: paths with .. are refused.")
        try:
            real = (self._folders[0] / path).resolve()
        except (OSError, RuntimeError) as error:  # a loop of links
            raise errors.BadOption(f"{text}: this path leads nowhere.") from error
        if not self.has(real):
            raise errors.BadOption(
                f"{text}: this is, or leads, outside of the folders that may be used: {self}."
            )
        return real

    def has(self, path: Path) -> bool:
        """Say whether *path*, behind all links, is in one of the folders."""
        try:
            real = path.resolve()
        except (OSError, RuntimeError):
            return False
        return any(real.is_relative_to(folder) for folder in self._folders)
