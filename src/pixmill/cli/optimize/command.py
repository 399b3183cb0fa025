"""`pixmill optimize`: the command itself."""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from pixmill import errors
from pixmill.cli.importing import load
from pixmill.cli.optimize import amounts, configuration, pipe, report
from pixmill.cli.optimize.cache import NAME, Cache, NotACache
from pixmill.cli.optimize.finding import Search, find
from pixmill.cli.optimize.patterns import BadPattern, compiled, is_pattern
from pixmill.cli.optimize.planning import Planned, plan
from pixmill.cli.optimize.types import (
    AUTO,
    CHOICES,
    EXTENSIONS,
    SAME,
    Kind,
    Look,
    Metadata,
    Mode,
    Order,
    Place,
    Row,
    Savings,
)
from pixmill.cli.optimize.work import Maker, Unusable, Work
from pixmill.services.pool.spawning import dismiss, spawn

#: Exit codes beside 0 and 2, which is a wrong call.
FAILED = 1
REMOTE = 3

#: In place, a picture is worth a new file from here on; else each run would take from its look.
IN_PLACE = Savings(share=0.05, size=1000)

_PLACES = ("output", "in_place", "suffix")


def _configure(ctx: typer.Context, path: Path | None) -> Path | None:
    """Take options that were not given from the configuration."""
    found = path or configuration.nearest(Path.cwd())
    if found:
        options = {
            name.removeprefix("--"): configuration.Option(
                each.name, getattr(each, "is_flag", False)
            )
            for each in ctx.command.params
            for name in each.opts
            if each.name and name.startswith("--") and name != "--help"
        }
        try:
            ctx.default_map = configuration.read(found, options)
        except configuration.BadConfiguration as error:
            raise typer.BadParameter(f"{found}: {error}", param_hint="--config") from error
    return found


def _parsed(parse: Callable[[str], Any], hint: str) -> Callable[[str | None], Any]:
    """Return what turns the text of an option into its value, and refuses it by name."""

    def parsed(text: str | None) -> Any:  # noqa: ANN401 - whatever the option is
        if text is None:
            return None
        try:
            return parse(text)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint=hint) from error

    return parsed


def _formats(text: str) -> tuple[str, ...]:
    return _named(text, (*EXTENSIONS, AUTO, SAME))


def _accepted(text: str) -> tuple[str, ...]:
    return _named(text, CHOICES)


def _named(text: str, known: Sequence[str]) -> tuple[str, ...]:
    names = [each.strip().lower() for each in text.split(",") if each.strip()]
    names = ["jpeg" if each == "jpg" else each for each in names]
    if not names or not set(names) <= set(known):
        raise ValueError(f"Not a list of {', '.join(known)}.")
    return tuple(dict.fromkeys(names))


def optimize(
    ctx: typer.Context,
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help="Files, folders, patterns; - is stdin, to stdout."),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for results; the tree is kept.")
    ] = None,
    in_place: Annotated[bool, typer.Option("--in-place", help="Replace the pictures.")] = False,
    suffix: Annotated[
        str | None, typer.Option(help="Write beside the pictures, with this before the extension.")
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option("--format", "-f", help="jpeg, png, webp, avif, gif, jxl, auto or same, …"),
    ] = None,
    accept: Annotated[
        str | None, typer.Option(help="What auto may choose from, with commas between.")
    ] = None,
    quality: Annotated[
        int, typer.Option("--quality", "-q", min=1, max=100, help="Look of the result.")
    ] = 80,
    smart: Annotated[bool, typer.Option("--smart", help="Reach that look by measuring.")] = False,
    target: Annotated[
        float | None, typer.Option(min=30, max=95, help="SSIMULACRA2 to reach by measuring.")
    ] = None,
    mode: Annotated[Mode | None, typer.Option(help="A look with a name.")] = None,
    lossless: Annotated[bool, typer.Option("--lossless", help="Change no pixel.")] = False,
    max_bytes: Annotated[
        str | None, typer.Option(help="Largest size of a result, such as 200kB.")
    ] = None,
    width: Annotated[int | None, typer.Option(min=1, help="Largest width in pixels.")] = None,
    height: Annotated[int | None, typer.Option(min=1, help="Largest height in pixels.")] = None,
    metadata: Annotated[
        Metadata, typer.Option(help="What becomes of EXIF, XMP and the color profile.")
    ] = "strip",
    min_savings: Annotated[
        str | None, typer.Option(help="Least that a new file must save: 5%, 2kB, or 5%,2kB.")
    ] = None,
    recursive: Annotated[
        bool,
        typer.Option("--recursive/--no-recursive", "-r/-R", help="Look into folders of folders."),
    ] = True,
    include: Annotated[
        list[str] | None, typer.Option(help="Only what matches this pattern.")
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Not what matches this.")] = None,
    keep_dates: Annotated[
        bool, typer.Option("--keep-dates", help="Give results the dates of their pictures.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, max=256, help="Codec processes.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 when there is work.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Write nothing; tell what would be.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Do also what was done before.")] = False,
    cache_file: Annotated[
        Path | None, typer.Option(help=f"What was done before; {NAME} by default.")
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Neither read nor write that file.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    summary_md: Annotated[
        Path | None, typer.Option(help="Append a Markdown summary to this file.")
    ] = None,
    server: Annotated[
        str | None, typer.Option(help="Have them made by the server at this URL.")
    ] = None,
    api_key_env: Annotated[
        str, typer.Option(help="Environment variable that holds the server's key.")
    ] = "PIXMILL_API_KEY",
    quiet: Annotated[
        bool, typer.Option("--quiet", "-Q", help="Print nothing but failures.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            is_eager=True,
            callback=_configure,
            help="Options; the nearest pixmill.toml by default.",
        ),
    ] = None,
) -> None:
    """Compress, convert or resize pictures, and skip those that were done before."""
    formats = _parsed(_formats, "--format")(format_) or (SAME,)
    piped = "-" in paths
    if piped:
        # What a project wants of its files does not concern what only passes through.
        output = output if _is_given(ctx, "output") else None
        in_place = in_place and _is_given(ctx, "in_place")
        suffix = suffix if _is_given(ctx, "suffix") else None
        as_json = as_json and _is_given(ctx, "as_json")
        formats = formats if len(formats) == 1 or _is_given(ctx, "format_") else (SAME,)
        _check_pipe(paths, formats, written=bool(output or in_place or suffix or as_json))
    place = _place(ctx, output, suffix, formats, in_place=in_place, free=piped or check or dry_run)
    savings = _parsed(amounts.savings, "--min-savings")(min_savings)
    order = Order(
        look=Look(
            quality=quality,
            smart=smart,
            target=target,
            mode=mode,
            max_bytes=_parsed(_positive, "--max-bytes")(max_bytes),
            lossless=lossless,
            metadata=metadata,
            width=width,
            height=height,
            accept=_parsed(_accepted, "--accept")(accept) or (),
        ),
        formats=formats,
        place=place,
        savings=savings or (IN_PLACE if place.kind == "here" else Savings()),
        writes=not (check or dry_run),
        force=force,
        keep_dates=keep_dates,
    )
    cache_path = cache_file or (config.parent if config else Path.cwd()) / NAME
    search = Search(recursive=recursive, include=include or (), exclude=exclude or ())
    _check_patterns(paths, search)
    cache = _cache(None if no_cache or piped else cache_path)
    # Where nothing is known yet, there will be something to do.
    early = not server and (force or no_cache or piped or not cache_path.exists())
    maker = _maker(server, api_key_env, jobs, early=early)
    if piped:
        try:
            pipe.run(maker, order)
        except Unusable as error:
            typer.echo(f"pixmill: {error}", err=True)
            raise typer.Exit(REMOTE) from error
        return
    planned = plan(find(paths, search, place=place, formats=formats), place, formats)
    rows, trouble = _run(planned, order, maker, cache)
    if cache.remark:
        report.print_remark(cache_path, cache.remark)
    if as_json:
        report.print_json(rows)
    elif not quiet:
        report.print_table(rows)
    report.print_errors(rows)
    if summary_md:
        _summarize(summary_md, rows)
    pending = check and any(each.status == "pending" for row in rows for each in row.outputs)
    if trouble:
        raise typer.Exit(REMOTE)
    raise typer.Exit(FAILED if pending or any(row.failed for row in rows) else 0)


def _run(
    planned: Sequence[Planned], order: Order, maker: Maker, cache: Cache
) -> tuple[list[Row], str | None]:
    progress = report.Progress(len(planned))
    work = Work(order=order, maker=maker, cache=cache, done=progress.advance)

    async def run() -> list[Row]:
        try:
            return await work.run(planned)
        finally:
            await maker.stop()

    # As Ctrl-C: what is half written is taken away.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return asyncio.run(run()), work.trouble
    finally:
        signal.signal(signal.SIGTERM, before)
        progress.clear()


def _maker(server: str | None, api_key_env: str, jobs: int | None, *, early: bool) -> Maker:
    # While the fork server loads the codecs, this process loads what speaks with it.
    spawned = spawn() if early else None
    variable = load("pixmill.settings:client_variable")
    url = variable("PIXMILL_SERVER") if server is None else server
    maker: Maker
    if not url:
        maker = load("pixmill.cli.optimize.local:LocalMaker")(jobs, spawned)
        return maker
    if spawned:
        dismiss(spawned)
    try:
        maker = load("pixmill.cli.optimize.remote:RemoteMaker")(url, variable(api_key_env) or None)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--server") from error
    return maker


def _place(
    ctx: typer.Context,
    output: Path | None,
    suffix: str | None,
    formats: Sequence[str],
    *,
    in_place: bool,
    free: bool,
) -> Place:
    """Return where results go; what the command line says of that goes before the configuration."""
    given = {each for each in _PLACES if _is_given(ctx, each)}
    wanted: dict[str, Kind] = {"output": "folder", "in_place": "here", "suffix": "suffix"}
    said = {"output": output is not None, "in_place": in_place, "suffix": bool(suffix)}
    kinds = [wanted[name] for name in _PLACES if said[name] and (not given or name in given)]
    converts = bool(set(formats) - {SAME})
    if len(kinds) > 1:
        raise typer.BadParameter("Choose one of -o, --in-place and --suffix.", ctx=ctx)
    if kinds == ["here"] and converts:
        raise typer.BadParameter(
            "A picture that is replaced keeps its format; leave out one of the two.",
            param_hint="--in-place",
        )
    if suffix and ("/" in suffix or "\0" in suffix):
        raise typer.BadParameter("A name has no slash.", param_hint="--suffix")
    if kinds:
        (kind,) = kinds
    elif converts and not set(formats) & {AUTO, SAME}:
        kind = "beside"
    elif free:
        kind = "here" if not converts else "beside"
    else:
        raise typer.BadParameter("Say where results go: -o DIR, --in-place or --suffix.", ctx=ctx)
    folder = output.absolute() if output and kind == "folder" else None
    return Place(kind=kind, folder=folder, suffix=suffix or "" if kind == "suffix" else "")


def _is_given(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _check_pipe(paths: Sequence[str], formats: Sequence[str], *, written: bool) -> None:
    if len(paths) > 1:
        raise typer.BadParameter("Stdin is one picture, and goes alone.", param_hint="PATH")
    if len(formats) > 1:
        raise typer.BadParameter("On stdout there is one picture.", param_hint="--format")
    if written:
        raise typer.BadParameter(
            "From stdin a picture goes to stdout, and nothing else.", param_hint="PATH"
        )


def _check_patterns(paths: Sequence[str], search: Search) -> None:
    named = [each for each in paths if is_pattern(each) and not os.path.lexists(each)]
    said = {"PATH": named, "--include": search.include, "--exclude": search.exclude}
    for hint, patterns in said.items():
        try:
            for each in patterns:
                compiled(each)
        except BadPattern as error:
            raise typer.BadParameter(str(error), param_hint=hint) from error


def _cache(path: Path | None) -> Cache:
    try:
        return Cache(path)
    except NotACache as error:
        raise typer.BadParameter(f"{path}: {error}", param_hint="--cache-file") from error


def _positive(text: str) -> int:
    value = amounts.size(text)
    if not value:
        raise ValueError("A picture has at least 1 byte.")
    return value


def _summarize(path: Path, rows: Sequence[Row]) -> None:
    try:
        report.append_markdown(path, rows)
    except OSError as error:
        reason = error.strerror or "The summary could not be written."
        raise errors.BadInput(f"{path}: {reason}") from error
