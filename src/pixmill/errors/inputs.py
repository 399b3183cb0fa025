"""What is wrong with what a caller sent."""

from pixmill.errors.base import Error


class BadInput(Error):
    """The request cannot be used."""

    code = "bad_input"


class WrongContentType(BadInput):
    """The body has another content type than this call takes."""

    code = "wrong_content_type"


class MissingFile(BadInput):
    """The body has no file."""

    code = "missing_file"


class MissingInput(MissingFile):
    """The request has neither a file nor a URL."""

    code = "missing_input"


class FileTooLarge(BadInput):
    """The file has more bytes than the plan allows."""

    code = "file_too_large"

    def __init__(self, *, limit: int, detail: str = "") -> None:
        super().__init__(detail=detail)
        #: Bytes that would have been allowed.
        self.limit = limit


class TooManyFiles(BadInput):
    """The request has more files than one may have."""

    code = "too_many_files"


class UploadIncomplete(BadInput):
    """The body ended early, or came too slowly."""

    code = "upload_incomplete"


class BadOption(BadInput):
    """A parameter has a value that it cannot have."""

    code = "bad_option"


class UnknownFormat(BadOption):
    """The format asked for is not one that can be written."""

    code = "unknown_format"


class MissingFormat(BadOption):
    """The call needs a format to convert to."""

    code = "missing_format"


class BadQuality(BadOption):
    """The quality is not a whole number from 1 to 100."""

    code = "bad_quality"


class UnknownLevel(BadOption):
    """The level of compression is not one that there is."""

    code = "unknown_level"


class BadDimensions(BadOption):
    """The width or height is not one that can be made."""

    code = "bad_dimensions"


class MissingDimensions(BadOption):
    """The call needs a width or a height."""

    code = "missing_dimensions"


class MissingBackground(BadOption):
    """The image is transparent, which the format is not: name a background color."""

    code = "missing_background"


class DoesNotFit(BadOption):
    """No look makes the image that small; allow more bytes, a smaller size or another format."""

    code = "does_not_fit"


class WordsDoNotFit(BadOption):
    """The words are too long to be written into the file."""

    code = "words_do_not_fit"


class WordsNotSupported(BadOption):
    """Words cannot be written into a file of this kind without changing its picture."""

    code = "words_not_supported"


class BadUrl(BadOption):
    """The URL is not a plain http or https URL."""

    code = "bad_url"


class MissingIdempotencyKey(BadOption):
    """The request needs an "Idempotency-Key" header, so that it can be repeated safely."""

    code = "missing_idempotency_key"


class BadIdempotencyKey(BadOption):
    """An "Idempotency-Key" has 1 to 255 visible ASCII characters."""

    code = "bad_idempotency_key"


class MissingBatchName(BadOption):
    """The request does not say which batch it is for."""

    code = "missing_batch_name"


class FetchFailed(BadInput):
    """The URL could not be fetched."""

    code = "fetch_failed"


class UnreadableImage(BadInput):
    """The image could not be processed."""

    code = "unreadable_image"


class UnsupportedFormat(UnreadableImage):
    """The file is not an image of a supported format."""

    code = "unsupported_format"


class TooManyPixels(UnreadableImage):
    """The image has more pixels, frames or a longer side than the server takes."""

    code = "too_many_pixels"


class TooCostly(UnreadableImage):
    """The image took more time or memory than the server gives to one image."""

    code = "too_costly"


class StoreFailed(BadInput):
    """The bucket could not be written to."""

    code = "store_failed"


class ImageNotFound(BadInput):
    """The session has no image with this id."""

    code = "image_not_found"
