"""Which environment variables each pane's session was given by `-e`, as far as this client has done it.

tmux keeps them in the session, from where they would come back at the next respawn, so they must be unset. Who
remembers them need not ask tmux first: a crashed worker is back one round trip sooner.
"""

from __future__ import annotations

from collections.abc import Sequence

from tmaxd.ports import Launch, Launched, Pane, Refused, ServerId

SPARE = 64
"""Panes remembered beyond those that a look has just shown; above it the dead ones are dropped."""


class Given:
    def __init__(self) -> None:
        self._server: ServerId | None = None
        self._names: dict[str, frozenset[str]] = {}

    def of(self, server: ServerId, pane_id: str) -> frozenset[str] | None:
        """None: not known, tmux must be asked."""
        return self._names.get(pane_id) if server == self._server else None

    def note(self, server: ServerId, item: Launch, outcome: Launched | Refused) -> None:
        """What came of a launch. One that broke off in the middle leaves the session in an unknown state."""
        if server != self._server:
            self._server, self._names = server, {}
        if isinstance(outcome, Launched):
            self._names[outcome.pane_id] = frozenset(item.env)
        elif item.pane_id is not None:
            self._names.pop(item.pane_id, None)

    def forget(self) -> None:
        """Nothing is certain any more: a call broke off."""
        self._names = {}

    def keep(self, panes: Sequence[Pane]) -> None:
        """These are all there are."""
        if len(self._names) > len(panes) + SPARE:
            here = {pane.pane_id for pane in panes}
            self._names = {pane: names for pane, names in self._names.items() if pane in here}
