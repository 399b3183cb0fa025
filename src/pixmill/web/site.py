"""What the operator has chosen about the website."""

from dataclasses import dataclass

from pixmill.http.dialect import Dialect
from pixmill.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the pages need to know of the settings."""

    settings: Settings
    version: str
    dialects: tuple[Dialect, ...] = ()  #: the APIs that there are pages about

    def api(self, name: str) -> str:
        """Return what people call the API whose traffic is counted as *name*."""
        titles = {dialect.name: dialect.title for dialect in self.dialects}
        return titles.get(name, name.capitalize())  # the website is none of them

    @property
    def public_page(self) -> bool:
        """Say whether people who are not signed in may see the page that makes pictures small."""
        return self.settings.public_page
