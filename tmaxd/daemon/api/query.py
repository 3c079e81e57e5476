"""Query and path parameters as typed values; anything else is a refusal that names the parameter."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeVar

import msgspec
from aiohttp import web

from tmaxd.daemon.api.answers import Refusal

Choice = TypeVar("Choice", bound=str)
Body = TypeVar("Body")


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


def signed(request: web.Request, name: str, default: int, low: int, high: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) <= 9 and low <= int(text) <= high:
        return int(text)
    raise _out_of_range(name, text, str(low), str(high))


def flag(request: web.Request, name: str) -> bool:
    """`true` or `1`, `false` or `0`; not there is false."""
    text = request.query.get(name, "false")
    if text not in ("true", "1", "false", "0"):
        raise Refusal(400, "bad_parameter", f"{name}={text[:40]}: must be true or false")
    return text in ("true", "1")


def word(request: web.Request, name: str, longest: int) -> str | None:
    text = request.query.get(name)
    if text is not None and not 1 <= len(text) <= longest:
        shown = f"{text[:40]}…" if len(text) > 40 else text
        raise Refusal(400, "bad_parameter", f"{name}={shown}: must have 1 to {longest} characters")
    return text


def one_of(request: web.Request, name: str, allowed: Sequence[Choice]) -> tuple[Choice, ...]:
    """Any number of the words, by commas or by repeating the parameter; in the order of `allowed`."""
    words = [word for text in request.query.getall(name, ()) for word in text.split(",")]
    for given in words:
        if given not in allowed:
            raise Refusal(
                400, "bad_parameter", f"{name}={given[:40]}: must be one of {', '.join(allowed)}"
            )
    return tuple(choice for choice in allowed if choice in words)


async def body_of(request: web.Request, decoder: msgspec.json.Decoder[Body], example: str) -> Body:
    """The body as a value; none at all is an empty object. `example` is shown to who sent something else."""
    try:
        return decoder.decode(await request.read() or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(400, "bad_body", f"expected {example}: {error}") from None


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
