"""How a call is written with curl, in Python and in Node."""

import json
import shlex
from collections.abc import Callable, Mapping

from pixmill.web.examples import FILE, Example


def curl(call: Example) -> str:
    """Return *call* as a command."""
    implied = "POST" if call.file or call.fields else "GET"
    method = "" if call.method == implied else f" -X {call.method}"
    parts = [f"curl{' -N' if call.events else ''}{method} {shlex.quote(call.url)}"]
    parts += [f"-H {_quoted(f'{name}: {value}')}" for name, value in call.headers.items()]
    if call.json and call.fields:
        parts += [
            '-H "Content-Type: application/json"',
            f"-d {shlex.quote(json.dumps(call.fields))}",
        ]
    else:
        if call.file:
            parts.append(f"-F {_quoted(f'{call.file}=@{FILE}')}")
        parts += [f"-F {_quoted(f'{name}={value}')}" for name, value in call.fields.items()]
    if call.output:
        parts.append(f"-o {call.output}")
    return " \\\n  ".join(parts)


def python(call: Example) -> str:
    """Return *call* as a script for Python with requests."""
    lines = [f'    "{call.url}",']
    if call.headers:
        lines.append(f"    headers={json.dumps(call.headers)},")
    if call.file:
        lines.append(f'    files={{"{call.file}": open("{FILE}", "rb")}},')
    if call.fields:
        lines.append(f"    {'json' if call.json else 'data'}={_literal(call.fields)},")
    if call.events:
        lines.append("    stream=True,")
    read = "print(answer.json())"
    if call.output:
        read = f'open("{call.output}", "wb").write(answer.content)'
    if call.events:
        read = "for line in answer.iter_lines():\n    print(line.decode())"
    return "\n".join(
        [
            "import requests",
            "",
            f"answer = requests.{call.method.lower()}(",
            *lines,
            ")",
            "answer.raise_for_status()",
            read,
        ]
    )


def node(call: Example) -> str:
    """Return *call* as a module for Node 20 or later, with nothing else installed."""
    imports, before, options = [], [], []
    if call.method != "GET":
        options.append(f'method: "{call.method}"')
    headers = dict(call.headers)
    if call.json and call.fields:
        headers["Content-Type"] = "application/json"
        options.append(f"body: JSON.stringify({json.dumps(call.fields)})")
    elif call.file or call.fields:
        before.append("const body = new FormData();")
        if call.file:
            imports.append('import { openAsBlob } from "node:fs";')
            before.append(f'body.append("{call.file}", await openAsBlob("{FILE}"), "{FILE}");')
        before += [f'body.append("{name}", "{value}");' for name, value in call.fields.items()]
        options.append("body")
    if headers:
        options.insert(bool(options) and call.method != "GET", f"headers: {json.dumps(headers)}")
    read = "console.log(await answer.json());"
    if call.output:
        imports.append('import { writeFile } from "node:fs/promises";')
        read = f'await writeFile("{call.output}", Buffer.from(await answer.arrayBuffer()));'
    if call.events:
        read = (
            "for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {\n"
            "  process.stdout.write(piece);\n}"
        )
    inside = "".join(f"\n  {option}," for option in options)
    argument = f", {{{inside}\n}}" if options else ""
    return "\n".join(
        [
            *imports,
            *([""] if imports else []),
            *before,
            f'const answer = await fetch("{call.url}"{argument});',
            "if (!answer.ok) throw new Error(await answer.text());",
            read,
        ]
    )


#: Each language by its name.
LANGUAGES: Mapping[str, Callable[[Example], str]] = {
    "curl": curl,
    "Python": python,
    "Node": node,
}


def _quoted(text: str) -> str:
    """Return *text* for a shell, in double quotes: so a variable can take the place of a key."""
    return f'"{text}"' if not set(text) & set('"$`\\!') else shlex.quote(text)


def _literal(fields: Mapping[str, object]) -> str:
    text = json.dumps(fields)
    return text.replace(": true", ": True").replace(": false", ": False")
