"""The fleet's daemon, and those of other fleets."""

from __future__ import annotations

from typing import Any

from tmaxd.ctl.api import Api
from tmaxd.ctl.doctor.reading import files
from tmaxd.ctl.doctor.seen import Fleet, Other
from tmaxd.ctl.errors import CtlError
from tmaxd.places import Places, places, running_fleets

PATIENCE = 2.0
"""Seconds for an answer: a daemon that works gives it within milliseconds."""


def fleet(name: str, here: Places) -> tuple[Fleet, dict[str, Any]]:
    """The fleet, and the status of its daemon ({}: there is none, or it does not say)."""
    held, holder = files.lock(here.lock)
    api = files.sock(here.api_socket)
    ping: dict[str, Any] = {}
    status: dict[str, Any] = {}
    silence = ""
    if api == "listening":
        daemon = Api(name, here.api_socket, PATIENCE)
        try:
            ping = daemon.get("/v1/ping")
            status = daemon.get("/v1/status")
        except CtlError as error:
            silence = error.message
    tmux = status.get("tmux") or {}
    found = Fleet(
        name=name,
        runtime=str(here.runtime),
        state=str(here.state),
        api_socket=str(here.api_socket),
        tmux_socket=str(here.tmux_socket),
        lock=str(here.lock),
        api=api,
        tmux=files.sock(here.tmux_socket, gently=True),
        held=held,
        holder=holder,
        ping=ping,
        silence=silence,
        server_version=str(tmux.get("version") or "") if tmux.get("server_pid") else "",
    )
    return found, status


def others(name: str | None) -> tuple[Other, ...]:
    """Daemons of this user's other fleets that answer."""
    found: list[Other] = []
    for other in running_fleets():
        if other == name:
            continue
        try:
            said = Api(other, places(other).api_socket, PATIENCE).get("/v1/ping")
        except CtlError:
            continue
        found.append(Other(other, int(said["pid"]), str(said["spec"])))
    return tuple(found)
