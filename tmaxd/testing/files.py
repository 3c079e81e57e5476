"""`FakeFiles`: the port `Files` in memory, and the spec's files beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tmaxd.ports import WorldError


class FakeFiles:
    def __init__(self) -> None:
        self.payloads: dict[str, str] = {}
        self.results: dict[str, str] = {}
        """Result files, as workers leave them."""
        self.specs: dict[Path, str] = {}
        self.missing: set[str] = set()
        """Programs that are not there."""

    def write_payload(self, path: str, payload: str) -> None:
        self.payloads[path] = payload

    def remove_payload(self, path: str) -> None:
        self.payloads.pop(path, None)

    def has_payload(self, path: str) -> bool:
        return path in self.payloads

    def result_size(self, path: str) -> int:
        return len(self.results.get(path, ""))

    def read_result(self, path: str, limit: int) -> str | None:
        text = self.results.get(path, self.payloads.get(path))
        return text if text is not None and len(text) <= limit else None

    def make_spool(self, worker: str) -> None: ...

    def must_run(self, argv: Sequence[str], cwd: str, path: str) -> None:
        if argv[0] in self.missing:
            raise WorldError(f"{argv[0]}: no such program on the PATH of the workers ({path})")

    def read(self, path: Path) -> bytes:
        """As the spec loader reads."""
        text = self.specs.get(path)
        if text is None:
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return text.encode()
