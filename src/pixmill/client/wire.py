"""Between the words of conversations and those of httpx."""

from typing import Any

import httpx

from pixmill.client.steps import Lost, Reply, Send


def settings(base_url: str, timeout: float) -> dict[str, Any]:
    """Return what both kinds of httpx client are made with: no key, as not all requests need it."""
    try:
        url = httpx.URL(base_url.rstrip("/"))
    except httpx.InvalidURL as error:
        raise ValueError("The base URL is malformed.") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError("The base URL must be an http or https URL.")
    return {
        "base_url": url,
        "timeout": timeout,
        "follow_redirects": False,  # a key must not go where somebody else says
        "headers": {"User-Agent": "pixmill-client"},
    }


def request(send: Send, api_key: str | None, base_url: httpx.URL) -> dict[str, Any]:
    """Return the arguments of httpx for *send* to the server at *base_url*."""
    headers = dict(send.headers)
    if api_key and not send.linked:
        headers["Authorization"] = f"Bearer {api_key}"
    arguments: dict[str, Any] = {"method": send.method, "url": send.path, "headers": headers}
    base_path = base_url.raw_path.decode("ascii")  # which ends with a slash
    if send.linked and send.path.startswith(base_path):
        arguments["url"] = f"/{send.path.removeprefix(base_path)}"  # httpx adds it again
    if send.query:
        arguments["params"] = dict(send.query)
    if send.body is not None:
        arguments["json"] = send.body
    if send.parts:
        arguments["files"] = [(field, (name, data)) for field, name, data in send.parts]
    if send.fields:
        arguments["data"] = dict(send.fields)
    return arguments


def reply(response: httpx.Response) -> Reply:
    """Return what the server has answered."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status_code, headers, response.content)


def lost(error: httpx.TransportError) -> Lost:
    """Return why there is no answer."""
    return Lost(str(error) or type(error).__name__)
