"""`FakeOutputs`: the port `Outputs` in memory, with the workers' side of it as methods."""

from __future__ import annotations

from tmaxd.ports import Unknown
from tmaxd.ports.outputs import Mark


class FakeOutputs:
    def __init__(self) -> None:
        self.broken: set[str] = set()
        """Workers whose log cannot be read."""
        self._logs: dict[str, list[tuple[int, bytearray]]] = {}
        """Worker to its files, oldest first, each with its number."""
        self._files = 0

    def write(self, worker: str, data: bytes) -> None:
        """The worker writes to its terminal."""
        if worker not in self._logs:
            self._begin(worker)
        self._logs[worker][-1][1].extend(data)

    def rotate(self, worker: str) -> None:
        self._begin(worker)
        del self._logs[worker][:-2]

    def _begin(self, worker: str) -> None:
        self._files += 1
        self._logs.setdefault(worker, []).append((self._files, bytearray()))

    def end(self, worker: str) -> Mark:
        files = self._files_of(worker)
        return Mark(files[-1][0], len(files[-1][1])) if files else Mark()

    def read(self, worker: str, since: Mark, limit: int) -> tuple[bytes, Mark]:
        files = self._files_of(worker)
        if not files:
            return b"", Mark()
        if since.file != files[-1][0]:
            for number, data in files[:-1]:
                if number == since.file and len(data) > since.size:
                    return self._piece(number, data, since.size, limit)
            since = Mark()
        return self._piece(*files[-1], since.size, limit)

    def _files_of(self, worker: str) -> list[tuple[int, bytearray]]:
        if worker in self.broken:
            raise Unknown(f"the log of {worker} cannot be read: Input/output error")
        return self._logs.get(worker, [])

    @staticmethod
    def _piece(number: int, data: bytearray, start: int, limit: int) -> tuple[bytes, Mark]:
        piece = bytes(data[start : start + limit])
        return piece, Mark(number, start + len(piece))
