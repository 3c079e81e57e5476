"""The one look at the server: its format, and rows of text back into panes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tmaxd.ports import Pane, Unknown
from tmaxd.world.tmux.quoting import Command

_FIELDS = (
    "session_id",
    "pane_id",
    "pane_pid",
    "pane_dead",
    "pane_dead_status",
    "pane_dead_signal",
    "session_attached",
    "pane_pipe",
    "@tmax_anchor",
    "@tmax_fleet",
    "@tmax_worker",
    "@tmax_run",
    "@tmax_spec",
    # Last, since anyone may choose it; tmux itself writes a tab or newline in a session's name as `\t` or `\n`.
    "session_name",
)
_ANCHOR, _FLEET = _FIELDS.index("@tmax_anchor"), _FIELDS.index("@tmax_fleet")
_TABS = len(_FIELDS) - 1
_ROW_START = re.compile(r"\$\d+\t%\d+\t")

_FORMAT = "\t".join(f"#{{{field}}}" for field in _FIELDS)

LIST_PANES: Command = ("list-panes", "-a", "-F", _FORMAT)


def show_pane(pane_id: str) -> Command:
    """The same row for one pane."""
    return ("display-message", "-p", "-t", pane_id, _FORMAT)


def panes(rows: Iterable[str], fleet: str) -> tuple[Pane, ...]:
    """Every pane but those of the anchor. A label that somebody has given a tab or newline breaks its row;
    where the row still shows that it is not of our fleet it is left out, else the look is `Unknown`."""
    found: list[Pane] = []
    torn_foreign = False
    for row in rows:
        fields = row.split("\t", _TABS)
        starts = _ROW_START.match(row) is not None
        if starts and len(fields) > _TABS:
            torn_foreign = False
            if not fields[_ANCHOR]:
                found.append(_pane(fields))
        elif starts and len(fields) > _FLEET + 1 and fields[_FLEET] != fleet:
            torn_foreign = True
        elif starts or not torn_foreign:
            raise Unknown(f"tmux lists a pane in a way that cannot be read: {row[:200]!r}")
    return tuple(found)


def _pane(fields: list[str]) -> Pane:
    session_id, pane_id, pid, dead, status, signal, attached, piped = fields[:_ANCHOR]
    _, fleet, worker, run, fingerprint, session = fields[_ANCHOR:]
    try:
        return Pane(
            session_id=session_id,
            session=session,
            pane_id=pane_id,
            pid=int(pid),
            dead=dead == "1",
            status=int(status) if status else None,
            signal=int(signal) if signal else None,
            attached=int(attached),
            piped=piped == "1",
            fleet=fleet,
            worker=worker,
            run=run,
            fingerprint=fingerprint,
        )
    except ValueError:
        raise Unknown(f"tmux lists a pane without its numbers: {fields!r}") from None
