"""What was submitted, and what its submitter was told. The serial number of a task is its place in `payloads`."""

from __future__ import annotations

from tests.soak.worker import FILLER


class Promises:
    def __init__(self) -> None:
        self.payloads: list[str] = []
        self.ids: dict[int, int] = {}
        """Serial to id, of those whose id came back."""
        self.taken: set[int] = set()
        """Serials of those that were accepted, but whose ids are not known."""
        self.uncertain: set[int] = set()
        """Serials of those whose answer was lost."""
        self.expiring: set[int] = set()
        """Serials of those that may expire."""
        self.refused = 0
        """How many were refused; none of them may be in the books."""
        self.cancelled: dict[int, str] = {}
        """Ids of those that were to be cancelled, and the verdict; empty where its answer was lost."""

    def new(self, kind: str) -> int:
        serial = len(self.payloads)
        filler = " " + "." * FILLER if kind == "big" else ""
        self.payloads.append(f"{serial} {kind}{filler}")
        return serial

    @property
    def accepted(self) -> int:
        return len(self.ids) + len(self.taken)

    @property
    def known(self) -> set[int]:
        """Every serial that may stand in the books."""
        return self.uncertain | self.taken | self.ids.keys()

    def kind_of(self, serial: int) -> str:
        """Empty for one that never was."""
        return self.payloads[serial].split(" ", 2)[1] if 0 <= serial < len(self.payloads) else ""
