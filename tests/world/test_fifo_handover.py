"""A hand-over that a daemon did not live to finish, on real FIFOs: the next one ends it, whatever it did before."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.waiting import until
from tmaxd.world.pipes import FifoPipes

SPARE, WORKER = "check_1", "check-3"


@pytest.mark.parametrize("known_before", [False, True])
def test_after_the_folder_was_renamed(tmp_path: Path, known_before: bool) -> None:
    """Where the FIFOs were opened under the worker's name first, the second links have both names, and rename(2) does
    nothing with two names of one file: the next spare got the worker's FIFOs, and was heard as it."""
    heard: list[tuple[str, bytes]] = []

    async def main() -> None:
        folder = tmp_path / "pipes"
        before = FifoPipes(folder)
        before.link("r1", SPARE)
        before.add_worker(SPARE)
        os.rename(folder / SPARE, folder / WORKER)  # and there it died
        before.close()
        pipes = FifoPipes(folder)
        try:
            pipes.on_results(lambda worker, data: heard.append((worker, data)))
            if known_before:
                pipes.add_worker(WORKER)
            pipes.hand_over(SPARE, WORKER, "r1")
            pipes.link("r2", SPARE)
            pipes.add_worker(SPARE)
            for worker in (SPARE, WORKER):
                fd = os.open(folder / worker / "results.pipe", os.O_WRONLY | os.O_NONBLOCK)
                os.write(fd, f"{worker}\n".encode())
                os.close(fd)
            await until(lambda: len(heard) == 2, "both are heard")
            assert sorted(heard) == [(w, f"{w}\n".encode()) for w in sorted((SPARE, WORKER))]
            assert pipes.check() == ()
        finally:
            pipes.close()

    asyncio.run(main())
