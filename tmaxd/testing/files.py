"""`FakeFiles`: the port `Files` in memory, and the spec's files beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tmaxd.ports import Spooled, WorldError


class FakeFiles:
    def __init__(self) -> None:
        self.payloads: dict[str, str] = {}
        self.results: dict[str, str] = {}
        """Result files, as workers leave them."""
        self.spooled: dict[str, bytes] = {}
        """Other files in the spool."""
        self.written: dict[str, float] = {}
        """Wall time when a file in the spool was last written to; 0 where nothing is said."""
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

    def read_spooled(self, path: str, limit: int) -> bytes | None:
        data = self.spooled.get(path)
        return data if data is not None and len(data) <= limit else None

    def remove_spooled(self, path: str) -> None:
        self.spooled.pop(path, None)
        self.results.pop(path, None)

    def spool_files(self, before: float) -> Iterator[Spooled]:
        everything = {**self.payloads, **self.results, **self.spooled}
        for path, content in list(everything.items()):
            at = self.written.get(path, 0.0)
            if at < before:
                yield Spooled(path, len(content), at, int(at * 1e9))

    def remove_unchanged(self, file: Spooled) -> bool:
        if file not in self.spool_files(file.at + 1.0):
            return False
        self.payloads.pop(file.path, None)
        self.remove_spooled(file.path)
        return True

    def make_spool(self, worker: str) -> None: ...

    def read_secrets(self, paths: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for path in paths:
            lines = self.read(Path(path)).decode().splitlines()
            found |= {name: value for name, _, value in (line.partition("=") for line in lines)}
        return found

    def must_run(self, argv: Sequence[str], cwd: str, path: str) -> None:
        if argv[0] in self.missing:
            raise WorldError(f"{argv[0]}: no such program on the PATH of the workers ({path})")

    def read(self, path: Path) -> bytes:
        """As the spec loader reads."""
        text = self.specs.get(path)
        if text is None:
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return text.encode()
