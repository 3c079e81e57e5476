"""Query and path parameters as typed values; anything else is a refusal that names the parameter."""

from __future__ import annotations

from collections.abc import Collection

from aiohttp import web

from tmaxd.daemon.api.answers import Refusal


def known_only(request: web.Request, names: Collection[str]) -> None:
    """A misspelt parameter is refused instead of being passed over in silence."""
    for name in request.query:
        if name not in names:
            allowed = ", ".join(sorted(names)) or "none"
            raise Refusal(400, "bad_parameter", f"no parameter `{name}` here; allowed: {allowed}")


def number(request: web.Request, name: str, default: float, low: float, high: float) -> float:
    text = request.query.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:  # false for NaN too
        raise _out_of_range(name, text, f"{low:g}", f"{high:g}")
    return value


def integer(
    request: web.Request, name: str, default: int | None, low: int, high: int
) -> int | None:
    text = request.query.get(name)
    return default if text is None else _integer(name, text, low, high)


def task_id(request: web.Request) -> int:
    return _integer("id", request.match_info["id"], 1, 2**63 - 1)


def _integer(name: str, text: str, low: int, high: int) -> int:
    # Bounded before int(): Python refuses very long digit strings with an error of its own.
    if text.isascii() and text.isdigit() and len(text) <= 19 and low <= int(text) <= high:
        return int(text)
    raise _out_of_range(name, text, str(low), str(high))


def _out_of_range(name: str, text: str, low: str, high: str) -> Refusal:
    return Refusal(
        400, "bad_parameter", f"{name}={text[:40]}: must be a number from {low} to {high}"
    )
