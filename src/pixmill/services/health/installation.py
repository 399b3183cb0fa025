"""What an installation is made of: libraries, formats, and the lock of the codec processes."""

from collections.abc import Collection, Iterator, Mapping

from pixmill import errors
from pixmill.engine import codecs, versions
from pixmill.engine.decode import readable
from pixmill.services.health.types import Finding, State
from pixmill.services.pool.sandbox import LAYERS


def libraries() -> Iterator[Finding]:
    """Look at the versions of what touches pixels."""
    try:
        versions.check()
    except errors.Error as error:
        yield Finding(name="libraries", state="missing", detail=str(error))
    else:
        recent = "recent enough to meet strangers' pictures"
        yield Finding(name="libraries", state="ok", detail=recent)
    for name, version in versions.versions().items():
        yield Finding(name=name, state="off" if version == "absent" else "ok", detail=version)


def formats() -> Iterator[Finding]:
    """Look at what can be read and written."""
    yield Finding(name="formats read", state="ok", detail=", ".join(sorted(readable())))
    yield Finding(name="formats written", state="ok", detail=", ".join(sorted(codecs.names())))
    for name, extra, there in (
        ("HEIC", "heic", "heic" in readable()),
        ("JPEG XL", "jxl", "jxl" in codecs.names()),
    ):
        hint = "" if there else f"install pixmill[{extra}] for it"
        yield Finding(name=name, state="ok" if there else "off", detail=hint)


def layers(on: Collection[str], missing: Mapping[str, str]) -> Iterator[Finding]:
    """Look at what locks the codec processes."""
    for layer in LAYERS:
        state: State = "ok" if layer in on else "off"
        yield Finding(name=layer, state=state, detail=missing.get(layer, ""))
