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

DEAF_ONCE = """\
folder=${0%/*}
exec 3<>"$TMAX_PIPES/tasks.pipe" 4<>"$TMAX_PIPES/results.pipe"
printf '\\nready\\t1\\t1024\\n' >&4
if [[ ! -e $folder/deaf ]]; then
  touch "$folder/deaf"
  trap '' TERM HUP
  if [[ ! -e $folder/unread ]]; then
    IFS=$'\\t' read -r kind id attempt limit payload <&3
    printf 'started\\t%s\\t%s\\n' "$id" "$attempt" >&4
  fi
  while [[ ! -e $folder/gate ]]; do sleep 0.02; done
  exit 1
fi
while IFS=$'\\t' read -r kind id attempt limit payload <&3; do
  [[ $kind == task* ]] || continue
  printf '%s\\n' "${payload:0:20}" >> "$folder/ledger"
  printf 'done\\t%s\\t%s\\tok\\n' "$id" "$attempt" >&4
done
"""


def _there(program: Path, text: str) -> Path:
    """Written once: a shell that is just starting would find a script empty while it is written again, and end well."""
    if not program.exists():
        program.write_text(text)
    return program


def ledger_task(folder: Path, count: int, **more: object) -> Json:
    """Each task puts its payload into `ledger`; one whose payload begins with `hold` ends once `gate` is
    there. The result is the payload in capitals."""
    program = _there(folder / "task.sh", TASK)
    return {"count": count, "task": ["bash", str(program), "{payload}"], **more}


def ledger_serve(folder: Path, count: int, window: int = 1, **more: object) -> Json:
    """The same as a program that takes its tasks itself."""
    program = _there(folder / "serve.py", SERVE)
    here = Path(__file__).parents[2]
    return {
        "count": count,
        "serve": [sys.executable, str(program), str(folder), str(window)],
        "env": {"PYTHONPATH": str(here), "PYTHONDONTWRITEBYTECODE": "1"},
        **more,
    }


def deaf_once(folder: Path, **more: object) -> Json:
    """A worker that speaks the protocol itself. Its first run takes one task (none where the file `unread` is)
    and answers nothing, ignores every polite signal, and ends once `gate` is there. The next one works."""
    program = _there(folder / "deaf.sh", DEAF_ONCE)
    return {"count": 1, "serve": ["bash", str(program)], **more}


def idle(count: int = 1, **more: object) -> Json:
    """A program that does nothing and ends when it is asked to."""
    return {"count": count, "run": ["sleep", "1000000"], **more}


def open_gate(folder: Path) -> None:
    (folder / "gate").touch()


def ledger(folder: Path) -> list[str]:
    file = folder / "ledger"
    return file.read_text().splitlines() if file.exists() else []
