"""What a request brings to a batch: files as they arrive, and URLs; and what is refused of it."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pixmill import errors
from pixmill.dialects.optimagio.options import CHUNK_FILES, FORMATS
from pixmill.engine.types import Options
from pixmill.http import fields
from pixmill.http.bodies import Kind
from pixmill.http.dialect import Call
from pixmill.http.uploads import Part, Received, Refused
from pixmill.services.fetching.filenames import LENGTH, filename
from pixmill.services.idempotency import Claim

#: What a part with a file may be called (OG-53).
FILE_FIELDS = ("files", "files[]", "image", "images", "images[]", "file")

#: How URLs may be listed instead, and what the list may be called.
LISTS: tuple[Kind, ...] = ("json", "urlencoded")
URL_FIELDS = ("files", "urls")

#: Bytes of a body without files: so many of the longest URLs, and what they are called.
TEXT_SIZE = 256 * 1024

#: Seconds between two words that somebody still works on the request.
EXTEND_SECONDS = 1.0

#: What no options rule out. They may come after the files, so these are all that files are checked
#: with before they are accepted.
_ANYTHING = Options(keeps=FORMATS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One image of a chunk, or why it cannot be one."""

    index: int  #: in the chunk, from 0
    filename: str | None
    url: str | None = None
    key: str | None = None  #: where the upload is stored
    size: int | None = None
    refusal: errors.Error | None = None


@dataclass(slots=True, kw_only=True)
class Intake:
    """
    Takes what one request brings.

    Without a *claim* the request was answered before, and nothing of its files is kept but what
    the fingerprint is made of.
    """

    call: Call
    claim: Claim | None
    sources: list[Source] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    _extended_at: float = field(default_factory=time.monotonic)

    async def read(self) -> Mapping[str, object]:
        """
        Read the body, and return what is in it beside files.

        Raises TooManyFiles, another BadInput, QuotaExceeded when the month is used up, or Busy.
        """
        request = self.call.request
        limit = self.call.caller.plan.max_file_size  # OG-89
        if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            return await self.call.bodies.files(
                request,
                max_file_size=limit,
                max_files=CHUNK_FILES,
                file_fields=FILE_FIELDS,
                take=self._take,
                lists=URL_FIELDS,
            )
        async with self.call.bodies.form(
            request,
            max_file_size=limit,
            kinds=LISTS,
            max_text_size=TEXT_SIZE,
            lists=URL_FIELDS,
        ) as form:
            return form.fields

    def add_urls(self, given: Mapping[str, object]) -> None:
        """Take the URLs that are *given*. Raises BadOption, TooManyFiles or QuotaExceeded."""
        for url, given_name in _listed(given):
            name = given_name
            if len(self.sources) == CHUNK_FILES:
                raise errors.TooManyFiles
            self.call.services.quotas.check(caller=self.call.caller)
            refusal: errors.Error | None = None
            try:
                self.call.services.fetcher.check(url)
            except errors.BadUrl as error:
                refusal = error
            else:
                name = name or named(url)
            index = len(self.sources)
            self.sources.append(Source(index=index, filename=name, url=url, refusal=refusal))

    async def _take(self, part: Received | Refused) -> None:
        self.parts.append(part)
        if self.claim is None:
            return
        # Not before there is a file: without one, a batch can be closed when the month is used up.
        self.call.services.quotas.check(caller=self.call.caller)
        key: str | None = None
        refusal: errors.Error | None = None
        if isinstance(part, Refused):
            refusal = part.error
        else:
            await self._extend(self.claim)
            try:
                check = self.call.services.optimization.check
                await asyncio.to_thread(check, blob=part.blob, options=_ANYTHING)
                key = await self.call.services.uploads.keep(part.blob)
            except errors.BadInput as error:
                refusal = error
        self.sources.append(
            Source(
                index=part.index,
                filename=part.filename,
                key=key,
                size=part.size,
                refusal=refusal,
            )
        )

    async def _extend(self, claim: Claim) -> None:
        """Say that this request is still being read: each of its files may take long."""
        if time.monotonic() >= self._extended_at + EXTEND_SECONDS:
            await self.call.services.idempotency.extend(claim)
            self._extended_at = time.monotonic()


def named(url: str) -> str | None:
    """Return what a file at *url* is called; *url* is one that was checked."""
    return filename(target=urlsplit(url).path, disposition="")


def _listed(given: Mapping[str, object]) -> Iterator[tuple[str, str | None]]:
    """Give the URLs in *given*, each with the name that it is given. Raises BadOption."""
    for name in URL_FIELDS:
        value = given.get(name)
        listed = [value] if isinstance(value, str) else value
        if listed is None:
            continue
        if not isinstance(listed, list):
            raise _no_list(name)
        for each in listed:
            if each == "":
                continue  # a field of a form that was left empty
            entry = each if isinstance(each, dict) else {"url": each}
            url = fields.text(entry, "url")
            if url is None:
                raise _no_list(name)
            yield url, _plain(fields.text(entry, "filename"))


def _no_list(name: str) -> errors.BadOption:
    return errors.BadOption(f'"{name}" must be a list of URLs, or of objects with a "url".')


def _plain(name: str | None) -> str | None:
    """Return *name* as every database takes it: JSON may have more in a text."""
    if name is None:
        return None
    return name.replace("\0", "").encode("utf-8", "replace").decode()[-LENGTH:] or None
