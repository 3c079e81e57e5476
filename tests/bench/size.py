"""How much a run of the bench does."""

from __future__ import annotations

import msgspec

from tests.bench.peers import Peers


class Size(msgspec.Struct, frozen=True, kw_only=True):
    quick: bool
    """One round of each and small numbers: to see that the bench works, not for figures."""
    peers: Peers
    """Where other programs of this kind are installed, as far as they are."""

    def rounds(self, usual: int) -> int:
        return 1 if self.quick else usual
