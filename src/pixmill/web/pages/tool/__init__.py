"""The page on which anybody makes pictures small, and what its script asks for."""

from pixmill.web.page import Page
from pixmill.web.pages.tool.archives import archive
from pixmill.web.pages.tool.home import home
from pixmill.web.pages.tool.images import optimize, result
from pixmill.web.pages.tool.results import PATH

PAGES = (
    Page(path="/", handler=home, who="anyone"),
    Page(
        path="/tool/images",
        handler=optimize,
        method="POST",
        who="anyone",
        back="/",
        upload=True,
    ),
    Page(path=PATH, handler=result, who="anyone"),
    Page(path="/tool/archive", handler=archive, method="POST", who="anyone", upload=True),
)
