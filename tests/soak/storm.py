"""What strikes the fleet: each stroke by itself, and a deck of them that deals all before it is shuffled anew."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable

import msgspec

from tests.soak.field import Field, failpoints
from tests.soak.spec import COUNTS, LAYOUTS, PULL

REACHED_WITHIN = 10.0
"""Seconds for a daemon to come to the place where it is to die."""

PATIENCE = 60.0
"""Seconds; far more than anything here takes."""

AGAIN = 3
"""Tries in which a stroke that has not hit must."""

FELT_WITHIN = 10.0
"""Seconds for the daemon to need more of the disk than it has."""

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
    "change a group's layout": 2,
    "remove a group, and add it again": 1,
    "refuse the disk": 1,
    "refuse the disk, then kill the daemon": 1,
    "fill the disk": 2,
    "fill the disk, then kill the daemon": 1,
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
            "change a group's layout": self._change_layout,
            "remove a group, and add it again": self._remove_group,
            "refuse the disk": self._refuse_disk,
            "refuse the disk, then kill the daemon": self._kill_without_disk,
        }
        self.left_out = ""
        """What this machine cannot do, and why."""
        if field.disk.why_not:
            self.left_out = f"a full disk: {field.disk.why_not}"
        else:
            self._strokes["fill the disk"] = self._fill_disk
            self._strokes["fill the disk, then kill the daemon"] = self._kill_on_full_disk
        self._usual = {name: times for name, times in USUAL.items() if name in self._strokes}
        self.places = failpoints()

    @property
    def whole(self) -> int:
        """Strokes in a deck."""
        return sum(self._usual.values()) + len(self.places)

    def missing(self) -> list[str]:
        """What has not hit once."""
        every = [*self._strokes, *map(_dying, self.places)]
        return [name for name in every if not self.struck[name]]

    def strike(self) -> str:
        """The next stroke; the daemon is up again when it returns."""
        if not self._deck:
            self._decks += 1
            self._deck = [name for name, times in self._usual.items() for _ in range(times)]
            self._deck += [_dying(place) for place in self.places]
            self._dice.shuffle(self._deck)
        name = self._deck.pop()
        stroke = self._strokes.get(name)
        hit = stroke() if stroke else self._die_at(name.removeprefix(_dying("")))
        self.struck[name] += hit
        return name

    def strike_again(self, name: str) -> None:
        """What has not hit yet: some strokes find nothing to hit. At a place the daemon dies the first time that it
        gets there."""
        for _ in range(AGAIN):
            stroke = self._strokes.get(name)
            hit = stroke() if stroke else self._die_at(name.removeprefix(_dying("")), first=True)
            self.struck[name] += hit
            if hit:
                return

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
        if "shared" in place:
            field = self._field
            field.write(msgspec.structs.replace(field.state, layout="shared"))
            field.busy = PULL
        try:
            return self._await_death(place, first)
        finally:
            self._field.busy = None

    def _await_death(self, place: str, first: bool) -> bool:
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
        """Anything that a person may edit, for a while: workers more or less, a layout, a group that comes and goes."""
        dice = self._dice
        state = msgspec.structs.replace(
            self._field.state,
            counts={name: dice.randint(1, 3) for name in COUNTS},
            layout=self._field.state.layout if self._field.busy else dice.choice(LAYOUTS),
            spare=dice.random() < 0.7,
        )
        self._field.write(state)
        return True

    def _change_layout(self) -> bool:
        """To the other one; now and then back before it is done."""
        for _ in range(self._dice.choice((1, 1, 2, 3))):
            now = self._field.state
            (other,) = {*LAYOUTS} - {now.layout}
            self._field.write(msgspec.structs.replace(now, layout=other))
            self._pause(0.5)
        return True

    def _remove_group(self) -> bool:
        for there in (False, True):
            self._field.write(msgspec.structs.replace(self._field.state, spare=there))
            self._pause(1.0)
        return True

    def _refuse_disk(self) -> bool:
        """For a while; it must then go on by itself."""
        field = self._field
        if not self._without_disk():
            return False
        field.relieve_disk()
        field.fleet.wait_for(lambda: field.trouble() is None, "the journal recovers", PATIENCE)
        return True

    def _kill_without_disk(self) -> bool:
        if not self._without_disk():
            return False
        self._field.end(signal.SIGKILL)
        self._field.relieve_disk()
        self._field.up()
        return True

    def _without_disk(self) -> bool:
        """False where there is no tmux server: the daemon would start one that may not write."""
        field = self._field
        if not field.has_server():
            return False
        field.refuse_disk()
        try:
            field.fleet.wait_for(field.trouble, "the journal tells that it is refused", PATIENCE)
            self._pause(1.0)
        except BaseException:
            field.relieve_disk()
            raise
        return True

    def _fill_disk(self) -> bool:
        """For a while; it must then go on by itself."""
        field = self._field
        hit = self._on_full_disk()
        field.disk.empty()
        field.fleet.wait_for(lambda: not field.is_full(), "there is room again", PATIENCE)
        return hit

    def _kill_on_full_disk(self) -> bool:
        hit = self._on_full_disk()
        self._field.end(signal.SIGKILL)
        self._field.disk.empty()
        self._field.up()
        return hit

    def _on_full_disk(self) -> bool:
        """Whether the daemon has come to feel it: its journal has some room of its own."""
        field = self._field
        field.disk.fill()
        try:
            end = time.monotonic() + FELT_WITHIN
            while not (felt := field.is_full()) and time.monotonic() < end:
                self._pause(0.1)
            self._pause(1.0)
        except BaseException:
            field.disk.empty()
            raise
        return felt


def _dying(place: str) -> str:
    return f"die at {place}"
