"""What strikes the fleet: each stroke by itself, and a deck of them that deals all before it is shuffled anew."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable

from tests.soak.field import Field, failpoints

REACHED_WITHIN = 10.0
"""Seconds for a daemon to come to the place where it is to die."""

JOB_WITHIN = 5.0
"""Seconds for a task's process to be there and to be hit before it ends."""

PROVOKED_AFTER = 0.8
"""Seconds after which a daemon that still lives is given more to do."""
NEAR, FAR = (1, 2), (1, 2, 3, 5, 20)
"""At which time that it gets there, in the first deck and in later ones."""

USUAL = {
    "kill the daemon": 4,
    "kill a worker": 4,
    "kill a task's process": 2,
    "kill a worker, then the daemon": 2,
    "kill the tmux server": 1,
    "kill the tmux server, then the daemon": 1,
    "end the daemon": 1,
    "change the spec": 1,
}
"""How often each is in a deck, in which each fail point is once."""


class Storm:
    def __init__(self, field: Field, seed: int) -> None:
        self.struck: Counter[str] = Counter()
        """How often each stroke hit what it was meant for."""
        self._field = field
        self._dice = random.Random(f"storm {seed}")
        self._deck: list[str] = []
        self._decks = 0
        self._strokes: dict[str, Callable[[], bool]] = {
            "kill the daemon": self._kill_daemon,
            "kill a worker": self._kill_worker,
            "kill a task's process": lambda: self._kill_one("job", JOB_WITHIN),
            "kill a worker, then the daemon": lambda: self._kill_worker() & self._kill_daemon(),
            "kill the tmux server": self._kill_server,
            "kill the tmux server, then the daemon": lambda: (
                self._kill_server() & self._kill_daemon()
            ),
            "end the daemon": self._end_daemon,
            "change the spec": self._change,
        }
        self.places = failpoints()

    @property
    def whole(self) -> int:
        """Strokes in a deck."""
        return sum(USUAL.values()) + len(self.places)

    def missing(self) -> list[str]:
        """What has not hit once."""
        every = [*self._strokes, *map(_dying, self.places)]
        return [name for name in every if not self.struck[name]]

    def strike(self) -> str:
        """The next stroke; the daemon is up again when it returns."""
        if not self._deck:
            self._decks += 1
            self._deck = [name for name, times in USUAL.items() for _ in range(times)]
            self._deck += [_dying(place) for place in self.places]
            self._dice.shuffle(self._deck)
        name = self._deck.pop()
        stroke = self._strokes.get(name)
        hit = stroke() if stroke else self._die_at(name.removeprefix(_dying("")))
        self.struck[name] += hit
        return name

    def strike_at(self, place: str) -> bool:
        """Have the daemon die at this place the first time that it gets there. False: it did not get there."""
        hit = self._die_at(place, first=True)
        self.struck[_dying(place)] += hit
        return hit

    # -------------------------------------------------------------------------------- strokes

    def _pause(self, most: float) -> None:
        """The instant is what is being tried, not waited for."""
        time.sleep(self._dice.random() * most)

    def _kill_daemon(self) -> bool:
        self._pause(0.1)
        self._field.end(signal.SIGKILL)
        self._pause(0.3)
        self._field.up()
        return True

    def _end_daemon(self) -> bool:
        self._field.end(signal.SIGTERM)
        self._pause(0.3)
        self._field.up()
        return True

    def _die_at(self, place: str, first: bool = False) -> bool:
        """The daemon that runs is killed, the next one dies by itself."""
        self._field.end(signal.SIGKILL)
        further = 1 if first else self._dice.choice(NEAR if self._decks == 1 else FAR)
        self._field.start(f"{place}:{further}")
        end = time.monotonic() + REACHED_WITHIN
        while not (hit := self._field.ended(PROVOKED_AFTER)) and time.monotonic() < end:
            # Work alone does not lead everywhere: something must be there to be stopped, and started.
            self._kill_one("worker")
            self._change()
        if not hit:
            self._field.end(signal.SIGKILL)
        self._field.up()
        return hit

    def _kill_worker(self) -> bool:
        self._pause(0.1)
        return self._kill_one("worker")

    def _kill_one(self, what: str, within: float = 0.0) -> bool:
        end = time.monotonic() + within
        while True:
            there = sorted(self._field.processes(what), key=lambda process: process.start)
            # Of the older half: a worker that has just begun comes back only after a delay.
            older = there[: (len(there) + 1) // 2]
            if older and self._field.kill(what, self._dice.choice(older)):
                return True
            if time.monotonic() >= end:
                return False

    def _kill_server(self) -> bool:
        self._pause(0.1)
        return self._field.kill_server()

    def _change(self) -> bool:
        """One worker more or less of each group, for a while."""
        counts = {name: self._dice.randint(1, 3) for name in self._field.counts}
        self._field.write(**counts)
        return True


def _dying(place: str) -> str:
    return f"die at {place}"
