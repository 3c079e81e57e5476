"""`python -m tests.soak [TASKS]`: the long form of the crash suite. Exit status 1 when something did not hold."""

from __future__ import annotations

import argparse
import random
import signal
import sys

from tests.soak.run import run


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak",
        description="Kill the daemon, workers, tasks and tmux at random instants and at every named "
        "fail point while tasks flow, and prove from the workers' own ledger that none was lost and "
        "none was with two workers at once.",
    )
    parser.add_argument("tasks", nargs="?", type=int, default=100_000, help="at least so many")
    parser.add_argument(
        "--strokes", type=int, help="at least so many deaths (a 400th of the tasks)"
    )
    parser.add_argument("--seed", type=int, help="what the dice begin with; else a new one")
    args = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if args.seed is None else args.seed
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the fleet is taken away
    sys.stderr.write(f"seed {seed}\n")
    outcome = run(seed, args.tasks, args.strokes or args.tasks // 400, _say)
    sys.stdout.write("\n" + outcome.summary() + "\n")
    return int(bool(outcome.broken or outcome.missing))


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
