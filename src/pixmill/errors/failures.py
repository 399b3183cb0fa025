"""What is wrong on this side, for a while or for good."""

from pixmill.errors.base import Error


class Busy(Error):
    """The server has as much work as it takes on; try again shortly."""

    code = "busy"

    def __init__(
        self, message: str | None = None, *, retry_after: int = 5, detail: str = ""
    ) -> None:
        super().__init__(message, detail=detail)
        #: Seconds after which another try makes sense.
        self.retry_after = retry_after


class Unavailable(Busy):
    """The server cannot keep its books at the moment; try again shortly."""

    code = "unavailable"


class StorageFull(Unavailable):
    """There is no room to store the result at the moment; try again later."""

    code = "storage_full"


class VisionUnavailable(Busy):
    """The model that describes pictures cannot be asked at the moment; try again shortly."""

    code = "vision_unavailable"


class VisionFailed(Error):
    """The model has no description of this picture."""

    code = "vision_failed"


class Internal(Error):
    """Something went wrong on this side."""

    code = "internal"
