"""`tmaxd(1)`, made of the daemon's own help."""

from __future__ import annotations

import tmaxd
from tmaxd.daemon.main import make_parser
from tmaxd.manual.roff import Page, bold, italic

SUMMARY = "keep a declared fleet of terminal workers in tmux"

ENVIRONMENT = {
    "TMAX_RUNTIME_DIR": "Where sockets, locks and FIFOs are: a folder a fleet. Default: `$XDG_RUNTIME_DIR/tmaxd`, for "
    "root `/run/tmaxd`, else `run` below the state folder.",
    "TMAX_STATE_DIR": "Where state and logs are: a folder a fleet. Default: `$XDG_STATE_HOME/tmaxd`, for root "
    "`/var/lib/tmaxd`, else `~/.local/state/tmaxd`.",
}

FILES = {
    "RUNTIME/FLEET/api.sock": "The API, which *tmaxctl*(1) speaks; for this user and root only.",
    "RUNTIME/FLEET/tmux.sock": "The fleet's own tmux server.",
    "RUNTIME/FLEET/lock": "Held by the daemon as long as it lives.",
    "RUNTIME/FLEET/pipes/": "FIFOs of workers, inboxes and outboxes.",
    "STATE/FLEET/state.db": "Tasks, results, events, revisions and orders (SQLite).",
    "STATE/FLEET/memory.db": "The memory store.",
    "STATE/FLEET/logs/WORKER.log": "What a worker has written to its terminal.",
    "STATE/FLEET/tmaxd.log": "What a daemon says that `tmaxctl up` has started.",
}

SIGNALS = {
    "SIGTERM, SIGINT": "The daemon ends. Its workers live on, and the next daemon takes them up again.",
}


def text() -> str:
    page = Page("tmaxd", 1, SUMMARY, tmaxd.__version__)
    parser = make_parser()
    page.section("Synopsis")
    words = parser.format_usage().removeprefix("usage: tmaxd").split()
    page.raw(f"{bold('tmaxd')} {' '.join(map(italic, words))}")
    page.section("Description")
    page.paragraph(parser.description or "")
    page.section("Options")
    # The list has no public name; `format_help` is already broken into lines.
    for action in parser._actions:
        names = ", ".join(map(bold, action.option_strings)) or bold(str(action.metavar))
        takes = "|".join(map(str, action.choices)) if action.choices else ""
        page.term(f"{names} {italic(takes)}" if takes else names, action.help or "")
    for title, entries in (("Environment", ENVIRONMENT), ("Files", FILES), ("Signals", SIGNALS)):
        page.section(title)
        for name, meaning in entries.items():
            page.term(bold(name), meaning)
    page.section("See also")
    page.raw(f"{bold('tmaxctl')}(1), {bold('tmax.yaml')}(5), {bold('tmux')}(1)")
    return page.text()
