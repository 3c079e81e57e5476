"""The demo behind `make demo`: the example fleet, every file of the standard library as a task, a hot reload,
and the proof that what the workers answered is what the command answers when it is run directly.

Everything happens in a temporary folder of its own and is gone afterwards.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tmaxd.ctl.api import Api
from tmaxd.places import places

HERE = Path(__file__).resolve().parent
GROUP = "check"
SHORT = 1000
"""Characters of output that always become the result as a whole."""


class Demo:
    def __init__(self, folder: Path) -> None:
        self.spec = folder / "tmax.yaml"
        shutil.copytree(HERE, folder, dirs_exist_ok=True)
        self.env = dict(os.environ) | {
            "TMAX_RUNTIME_DIR": str(folder / "run"),
            "TMAX_STATE_DIR": str(folder / "state"),
        }
        self.env.pop("TMAX_FLEET", None)

    def ctl(self, *args: str, stdin: str | None = None, show: bool = False) -> str:
        """Run tmaxctl; its progress goes to this terminal."""
        done = subprocess.run(
            [sys.executable, "-m", "tmaxd.ctl.main", *args],
            input=stdin,
            env=self.env,
            cwd=self.spec.parent,
            text=True,
            stdout=None if show else subprocess.PIPE,
            check=False,
        )
        if done.returncode not in (0, 1):
            raise SystemExit(f"tmaxctl {' '.join(args)} ended with {done.returncode}")
        return done.stdout or ""

    @property
    def api(self) -> Api:
        """Straight to the daemon's socket, where a process a question would be too slow."""
        return Api("demo", places("demo", env=self.env).api_socket)


def say(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def library_files(limit: int | None) -> list[str]:
    root = Path(sysconfig.get_path("stdlib"))
    files = [
        str(path)
        for path in sorted(root.rglob("*.py"))
        if "site-packages" not in path.parts and "dist-packages" not in path.parts
    ]
    return files[:limit]


def run_tasks(demo: Demo, files: list[str]) -> tuple[dict[str, int], float]:
    """File to task id, and the seconds that all of them took."""
    begun = time.perf_counter()
    out = demo.ctl("submit", GROUP, "--wait", "-", stdin="".join(f"{file}\n" for file in files))
    took = time.perf_counter() - begun
    return dict(zip(files, (int(line) for line in out.split()), strict=True)), took


def hot_reload(demo: Demo) -> None:
    say("Hot reload: count 4 → 6, by saving the file")
    text = demo.spec.read_text()
    changed = text.replace("count: 4", "count: 6", 1)
    begun = time.perf_counter()
    demo.spec.write_text(changed)
    while True:
        status = demo.api.get("/v1/status")
        group = next(g for g in status["groups"] if g["name"] == GROUP)
        if group["workers"] == 6 and status["converged"]:
            break
        if time.perf_counter() - begun > 30:
            raise SystemExit("the fleet did not converge within 30 s")
    print(
        f"6 workers ready and the fleet converged {time.perf_counter() - begun:.2f} s after the save"
    )


def verify(demo: Demo, tasks: dict[str, int]) -> int:
    """Compare every answer with the command run directly. Returns how many differ."""
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        direct = dict(zip(tasks, pool.map(lambda f: run_directly(demo, f), tasks), strict=True))
    answers = {task: demo.api.get(f"/v1/tasks/{task}") for task in tasks.values()}
    differ = 0
    for file, task in tasks.items():
        ok, tail = direct[file]
        answer = answers[task]
        if (answer["task"]["state"] == "done") != ok or not same_text(answer, tail):
            differ += 1
            print(f"differs: {file} (task {task})")
    return differ


def run_directly(demo: Demo, file: str) -> tuple[bool, str]:
    done = subprocess.run(
        ["sha256sum", file],
        env=demo.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 0, done.stdout


def same_text(answer: dict[str, Any], stdout: str) -> bool:
    """A result is what the command printed, or its tail if that was long; a failed task keeps only its error."""
    if answer["task"]["state"] == "dead":
        return True
    result = str(answer["result"])
    return result == stdout if len(stdout) < SHORT else bool(result) and stdout.endswith(result)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=None, help="only the first N files")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tmaxd-demo-"))
    demo = Demo(folder)
    try:
        return play(demo, library_files(args.files))
    finally:
        subprocess.run(
            [sys.executable, "-m", "tmaxd.ctl.main", "down"],
            env=demo.env,
            cwd=folder,
            capture_output=True,
            check=False,
        )
        shutil.rmtree(folder, ignore_errors=True)


def play(demo: Demo, files: list[str]) -> int:
    say("Bringing up examples/tmax.yaml")
    demo.ctl("up", show=True)
    say(f"Sending {len(files)} files of the standard library to four workers")
    tasks, took = run_tasks(demo, files)
    say("Status")
    demo.ctl("status", show=True)
    status = demo.api.get("/v1/status")
    group = next(g for g in status["groups"] if g["name"] == GROUP)
    hot_reload(demo)
    say("Comparing with the same command run directly over the same files")
    differ = verify(demo, tasks)
    say("Summary")
    print(f"files checked     {len(files)}")
    print(f"failures          {group['dead']}")
    print(f"tasks per second  {len(files) / took:.0f}")
    print(f"latency           p50 {group['p50_ms']:.0f} ms, p99 {group['p99_ms']:.0f} ms a task")
    print(f"results           {'all equal' if not differ else f'{differ} differ'}")
    say("Taking the fleet down")
    demo.ctl("down", show=True)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
