"""One worker that takes all memory: it alone goes, and nothing of the others is lost."""

from __future__ import annotations

import sys

from tests.e2e.fleet import Fleet

HOG = """\
import sys, time
from tmaxd.worker import serve
kept = []

def handle(task):
    if task.payload == "hog":
        kept.append(b"x" * (300 * 1024 * 1024))
        time.sleep(1000)
    time.sleep(0.01)
    return task.payload

serve(handle, window=1)
"""


def test_a_hog_goes_alone_and_no_task_is_lost(fleet: Fleet) -> None:
    program = fleet.folder / "hog.py"
    program.write_text(HOG)
    hog = {"count": 4, "serve": [sys.executable, str(program)]}
    limits = {"kill": "200MiB", "for": 1}
    fleet.write({"hog": hog}, memory={"sample": "1s", "worker": limits})
    fleet.start()
    before = fleet.pids()
    fleet.submit("hog", ["hog"])
    good = fleet.submit("hog", [str(number) for number in range(300)])

    fleet.wait_for(lambda: fleet.group("hog")["dead"] == 1, "the hog has had its tries")
    fleet.wait_for(lambda: fleet.group("hog")["done"] == len(good), "all others are done")

    killed = fleet.events("ended", reason="memory_kill")
    assert len(killed) == 3  # a task whose worker died has three attempts
    spared = before.keys() - {event["worker"] for event in killed}
    assert spared
    now = fleet.pids()
    assert {name: now[name] for name in spared} == {name: before[name] for name in spared}
    assert fleet.group("hog")["dead"] == 1
