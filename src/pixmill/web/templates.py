"""How a template becomes a page."""

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from pixmill.web import assets, formats, words
from pixmill.web.site import Site

#: What every template can write numbers and moments with.
_FILTERS = {
    "size": formats.size,
    "count": formats.count,
    "percent": formats.percent,
    "saving": formats.saving,
    "moment": formats.moment,
    "day": formats.day,
    "ago": formats.ago,
    "dollars": formats.dollars,
    "limits": words.limits,
    "credit": words.credit,
    "batch_state": words.batch_state,
    "ticks": formats.ticks,
}


class Templates:
    """
    All templates, read once.

    What is put into them is escaped, and a name that nobody gave is an error and not nothing.
    """

    def __init__(self, site: Site) -> None:
        self._environment = Environment(
            loader=PackageLoader("pixmill.web"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(_FILTERS, api=site.api)
        self._environment.globals["asset"] = assets.path_of

    def render(self, name: str, **facts: object) -> str:
        """Return what the template *name* makes of *facts*."""
        return self._environment.get_template(name).render(facts)

    def load(self) -> None:
        """Read and compile all of them, so that nobody has to wait for the first page."""
        for name in self._environment.list_templates():
            self._environment.get_template(name)
