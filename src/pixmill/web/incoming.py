"""Pictures that come into a session through a form."""

from dataclasses import dataclass, field

from pixmill import errors
from pixmill.http.uploads import Received, Refused
from pixmill.services.keys import Caller
from pixmill.services.sessions.taking import plain_name, take
from pixmill.services.sessions.types import MOST_AT_ONCE, Upload
from pixmill.web import csrf
from pixmill.web.page import Visit

_FILE_FIELD = "images"

#: Files of which it is said why they were not taken.
_TOLD = 5


@dataclass(slots=True, kw_only=True)
class Uploads:
    """Takes what one form brings."""

    visit: Visit
    pictures: list[Upload] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    async def take(self, part: Received | Refused) -> None:
        """Take one file, or remember why not."""
        name = plain_name(part.filename) or f"image-{part.index + 1}"
        try:
            if isinstance(part, Refused):
                raise part.error
            services = self.visit.services
            upload = await take(
                part.blob,
                filename=name,
                optimization=services.optimization,
                uploads=services.uploads,
            )
            self.pictures.append(upload)
        except errors.BadInput as error:
            self.refused.append(f"{name}: {error}")

    @property
    def told(self) -> str:
        """Return what is said of it."""
        count = len(self.pictures)
        told = "1 picture has come in." if count == 1 else f"{count} pictures have come in."
        if self.refused:
            told += f" Not taken: {' '.join(self.refused[:_TOLD])}"
            if len(self.refused) > _TOLD:
                told += f" And {len(self.refused) - _TOLD} more."
        return told


async def taken(visit: Visit, *, caller: Caller) -> Uploads:
    """
    Take the files of a form of ours, in the name of *caller*.

    Raises BadInput when there is no picture among them.
    """
    uploads = Uploads(visit=visit)
    given = await visit.bodies.files(
        visit.request,
        max_file_size=caller.plan.max_file_size,
        max_files=MOST_AT_ONCE,
        file_fields=(_FILE_FIELD,),
        take=uploads.take,
    )
    csrf.check(visit.request, given, expected=visit.csrf)
    if not uploads.pictures:
        raise errors.MissingInput(
            " ".join(uploads.refused[:_TOLD]) or "Choose at least one picture."
        )
    return uploads
