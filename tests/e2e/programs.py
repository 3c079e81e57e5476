"""What the workers of these tests run: small commands and programs, each obeying files in the test's folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]

SERVE = """\
import os, sys, time
from tmaxd.worker import serve
folder = sys.argv[1]

def handle(task):
    with open(folder + "/ledger", "a") as ledger:
        ledger.write(task.payload + "\\n")
    while task.payload.startswith("hold") and not os.path.exists(folder + "/gate"):
        time.sleep(0.01)
    return task.payload.upper()

serve(handle, window=int(sys.argv[2]))
"""

TASK = """\
folder=${0%/*}
printf '%s\\n' "$1" >> "$folder/ledger"
while [[ $1 == hold* && ! -e $folder/gate ]]; do sleep 0.01; done
printf %s "${1^^}"
"""


def ledger_task(folder: Path, count: int, **more: object) -> Json:
    """Each task puts its payload into `ledger`; one whose payload begins with `hold` ends once `gate` is
    there. The result is the payload in capitals."""
    program = folder / "task.sh"
    program.write_text(TASK)
    return {"count": count, "task": ["bash", str(program), "{payload}"], **more}


def ledger_serve(folder: Path, count: int, window: int = 1, **more: object) -> Json:
    """The same as a program that takes its tasks itself."""
    program = folder / "serve.py"
    program.write_text(SERVE)
    here = Path(__file__).parents[2]
    return {
        "count": count,
        "serve": [sys.executable, str(program), str(folder), str(window)],
        "env": {"PYTHONPATH": str(here), "PYTHONDONTWRITEBYTECODE": "1"},
        **more,
    }


def idle(count: int = 1, **more: object) -> Json:
    """A program that does nothing and ends when it is asked to."""
    return {"count": count, "run": ["sleep", "1000000"], **more}


def open_gate(folder: Path) -> None:
    (folder / "gate").touch()


def ledger(folder: Path) -> list[str]:
    file = folder / "ledger"
    return file.read_text().splitlines() if file.exists() else []
