"""The images that come into a session: as files of a form while they arrive, or from URLs."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pixmill import errors
from pixmill.dialects.picture_optimizer import words
from pixmill.http import fields
from pixmill.http.bodies import Kind
from pixmill.http.dialect import Call
from pixmill.http.intake import fetched
from pixmill.http.uploads import Received, Refused
from pixmill.services.fetching.filenames import filename
from pixmill.services.pool.blob import Blob
from pixmill.services.sessions.taking import plain_name, take
from pixmill.services.sessions.types import MOST_AT_ONCE, Upload

#: What a part with an image may be called (PO-22, PO-31).
FILE_FIELDS = ("images[]", "images", "image", "file", "files", "files[]")

#: How URLs may be listed instead.
JSON: tuple[Kind, ...] = ("json",)

#: Said of a request with more images than one may have (PO-16).
TOO_MANY = f"Too many images (max {MOST_AT_ONCE} per request)"

#: Bytes of a body without files: so many of the longest URLs, and what they are called.
TEXT_SIZE = 512 * 1024

#: URLs of one request that are fetched at one time.
AT_ONE_TIME = 4


@dataclass(slots=True, kw_only=True)
class Intake:
    """Takes what one request brings; of images that are none, it remembers why."""

    call: Call
    _found: dict[int, Upload | dict[str, str]] = field(default_factory=dict)

    @property
    def uploads(self) -> list[Upload]:
        """Return the images, in their order."""
        return [each for _, each in sorted(self._found.items()) if isinstance(each, Upload)]

    @property
    def rejected(self) -> list[dict[str, str]]:
        """Return the others, and what is wrong with each (PO-33)."""
        return [each for _, each in sorted(self._found.items()) if isinstance(each, dict)]

    async def read(self) -> None:
        """Read the body. Raises MissingInput, TooManyFiles, another BadInput, or Busy."""
        request, limit = self.call.request, self.call.caller.plan.max_file_size
        if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            try:
                given: Mapping[str, object] = await self.call.bodies.files(
                    request,
                    max_file_size=limit,
                    max_files=MOST_AT_ONCE,
                    file_fields=FILE_FIELDS,
                    take=self._take,
                    lists=("urls",),
                )
            except errors.TooManyFiles as error:
                raise errors.TooManyFiles(TOO_MANY) from error
        else:
            async with self.call.bodies.form(
                request, max_file_size=limit, kinds=JSON, max_text_size=TEXT_SIZE
            ) as form:
                given = form.fields
        await self._fetch_all(_urls(given))
        if not self._found:
            raise errors.MissingInput('Send images in the field "images[]", or "urls".')

    async def _take(self, part: Received | Refused) -> None:
        name = plain_name(part.filename) or f"image-{part.index + 1}"
        if isinstance(part, Refused):
            self._refuse(part.index, name, part.error)
        else:
            await self._keep(part.index, name, part.blob)

    async def _fetch_all(self, urls: list[tuple[str, str | None]]) -> None:
        first = len(self._found)
        if first + len(urls) > MOST_AT_ONCE:
            raise errors.TooManyFiles(TOO_MANY)
        places = asyncio.Semaphore(AT_ONE_TIME)

        async def take(index: int, url: str, name: str | None) -> None:
            async with places:
                await self._fetch(index, url, name)

        tasks = [asyncio.create_task(take(index, *each)) for index, each in enumerate(urls, first)]
        try:
            await asyncio.gather(*tasks)
        finally:  # one that failed for all is not waited for by the others
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _fetch(self, index: int, url: str, given: str | None) -> None:
        limit = self.call.caller.plan.max_file_size
        name = plain_name(given)
        try:
            self.call.services.fetcher.check(url)
            name = name or plain_name(filename(target=urlsplit(url).path, disposition=""))
            async with fetched(self.call, url, max_size=limit) as upload:
                name = name or plain_name(upload.filename)
                await self._keep(index, name or f"image-{index + 1}", upload.blob)
        except errors.BadInput as error:
            self._refuse(index, name or plain_name(url) or f"image-{index + 1}", error)

    async def _keep(self, index: int, name: str, blob: Blob) -> None:
        services = self.call.services
        try:
            self._found[index] = await take(
                blob, filename=name, optimization=services.optimization, uploads=services.uploads
            )
        except errors.BadInput as error:
            self._refuse(index, name, error)

    def _refuse(self, index: int, name: str, error: errors.Error) -> None:
        self._found[index] = {"originalFilename": name, **words.body(error)}


def nothing(rejected: list[dict[str, str]]) -> dict[str, Any]:
    """Return what is said when none of the files is an image (PO-33)."""
    return {
        "error": 'None of the files is an image that can be read; "rejected" says why.',
        "code": "no_valid_images",
        "rejected": rejected,
    }


def _urls(given: Mapping[str, object]) -> list[tuple[str, str | None]]:
    """Return the URLs in *given*, each with the name that it is given. Raises BadOption."""
    value = given.get("urls")
    if value is None:
        return []
    wrong = errors.BadOption('"urls" must be a list of URLs, or of objects with a "url".')
    listed = value if isinstance(value, list) else [value]
    if len(listed) > MOST_AT_ONCE:
        raise errors.TooManyFiles(TOO_MANY)
    found = []
    for each in listed:
        entry = each if isinstance(each, dict) else {"url": each}
        url = fields.text(entry, "url")
        if url is None:
            raise wrong
        found.append((url, fields.text(entry, "filename")))
    return found
