"""Where probes go: HOST:PORT and http URLs, as far as they can be judged without asking anybody."""

from __future__ import annotations

import re

_HOST = r"(?:\[[0-9A-Fa-f:.]+(?:%[0-9A-Za-z]+)?\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)"
_TCP = re.compile(rf"(?:({_HOST}):)?([0-9]{{1,9}})")
_HTTP = re.compile(rf"http://({_HOST})(?::([0-9]{{1,9}}))?(?:[/?][!-~]*)?", re.IGNORECASE)
_TCP_FORM = "a port such as `8080`, or `HOST:PORT` such as `localhost:8080` or `[::1]:8080`"
_HTTP_FORM = "`http://HOST:PORT/PATH`"


def tcp_mistake(text: str) -> tuple[str, str] | None:
    """What is wrong, and what is allowed."""
    found = _TCP.fullmatch(text)
    if found is None:
        return "not HOST:PORT", _TCP_FORM
    return _port(found[2], _TCP_FORM)


def http_mistake(text: str) -> tuple[str, str] | None:
    """What is wrong, and what is allowed."""
    found = _HTTP.fullmatch(text)
    if found is not None:
        return _port(found[2], _HTTP_FORM) if found[2] else None
    if text.lower().startswith("https:"):
        return (
            "https is not asked, only http; `exec` can ask it with a program such as curl",
            _HTTP_FORM,
        )
    if "@" in text.split("//", 1)[-1].split("/", 1)[0]:
        return (
            "a user and a password may not stand in it; `exec` can ask with a program such as curl",
            _HTTP_FORM,
        )
    return "not an http URL with a host", _HTTP_FORM


def _port(text: str, form: str) -> tuple[str, str] | None:
    return (
        None
        if 1 <= int(text) <= 65535
        else (f"there is no port {text}; they go from 1 to 65535", form)
    )
