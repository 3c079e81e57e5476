"""docs/doctor.md, made of the list of checks."""

from __future__ import annotations

from tmaxd.ctl.doctor.checks import CHECKS

_HEAD = """\
# tmaxctl doctor

*Made from the list of checks by contrib/dev/generate.py; do not edit.*

`tmaxctl doctor [SPEC]` looks for what keeps a fleet from working well on this machine. It needs no daemon and no spec;
with either it looks at more. It shows what is not well (`-v`: everything), what comes of it, and the command that mends
it; the last line counts. It changes nothing without `--fix`.

| level | |
|---|---|
| `error` | something does not work, or the daemon would not start; the exit code is 1 |
| `warning` | something will not work one day, or under load |
| `note` | good to know |
| `ok` | well |

`--fix` does what is safe to do by itself, says what it did, and looks again. `--deep` reads the databases whole.
`-o json` prints one object: `fleet`, `counts` by level, `findings` (each with `check`, `level`, `what`,
`consequence`, `fix`, and `fixable`: whether `--fix` does it), and `repairs` (`check`, `done`, `text`).

Which fleet: that of SPEC, else the one that `--fleet` or `TMAX_FLEET` names, the only one that runs, or the one of
`./tmax.yaml`. A fleet that runs is judged by the file that its daemon reads, and by the daemon's own limits.

## The checks

| check | looks at | because | `--fix` |
|---|---|---|---|
"""


def text() -> str:
    """The page, with its last newline."""
    rows = [f"| `{name}` | {c.looks_at} | {c.why} | {c.fix} |\n" for name, c in CHECKS.items()]
    return _HEAD + "".join(rows)
