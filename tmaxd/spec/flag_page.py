"""docs/flags.md, made of the table of feature flags."""

from __future__ import annotations

from typing import Final

from tmaxd.spec.flags import FLAGS

HEAD: Final = """\
# Feature flags

A flag turns a part of tmaxd on or off while the fleet runs. Each acts at once, and independently of the others:

```yaml
flags: {session_pool: false}      # saved, and the spares go
```

```
$ tmaxctl flags                          # what holds, since when, what the file says
$ tmaxctl flags --explain batching       # one of them at length
$ tmaxctl flags set batching off --for 10m   # tried, and taken back by itself
$ tmaxctl flags unset batching           # taken back now
```

What an operator has set goes over what the file says, and that over the default. It acts by the same road as the file:
nothing that reads a flag can tell the two apart. `tmaxctl status` shows it while it holds, and the events `flag_set`
and `flag_over` ([events.md](events.md)) tell of it.

What is set holds

- with `--for` until its time is over, or until `flags unset`. What the file says of the flag meanwhile holds after
  that. An end of the daemon makes it no longer: one whose time is over by then is taken back as the next one starts.
- without it until `flags unset`, or until the file says something else of this flag than it did: the file has then
  spoken last, as it has of a `scale`. Set to what the file says already, it is taken back.

A clock that is set makes the time of `--for` neither longer nor shorter while a daemon is there.

## The flags

"""

TAIL: Final = """
## What to know of some of them

- `dedicated_pipes`: it decides for groups of which nobody has said it. `layout: dedicated` in a group, in `defaults` or
  under `pipes` keeps a group as it is, and so do `balance` other than `least_loaded` and a `pool`, which a shared FIFO
  does not go with. A change of the layout is a new fingerprint: workers are replaced, when they are idle. A program of
  kind `serve` that may come to share must read records of 4096 bytes ([protocol.md](protocol.md)).
- `batching`: workers that were promised many tasks at once still hold as many (`window`); each comes in a frame of its
  own.
- `hot_reload`: with it off, a saved file is still looked at: a bad one is shown as `rejected`, a good one as `waiting`
  ([status.md](status.md)) until `tmaxctl reload`. That holds over an end of the daemon: the next one goes on with what
  was in force, and so `tmaxctl up` asks for a reload when it has started one. Turned on again, the file that waits is
  taken over.
- `auto_rollback`: with it off, what has gone back already stays where it is. A change that fails stays visible: its
  workers crash, wait or are unhealthy, and the others of the group are left as they are.
- `memory_forecast`: it acts where `memory_governor` does; with that off nobody is replaced for memory.
- `session_pool`: spares that go are no crashes, and cost the workers nothing.

This page is made from `tmaxd/spec/flags.py` and `tmaxd/spec/flag_page.py`.
"""


def text() -> str:
    lines = ["| flag | default | on | off | belongs to |", "|---|---|---|---|---|"]
    for name, flag in FLAGS.items():
        default = "on" if flag.default else "off"
        lines.append(f"| `{name}` | {default} | {flag.about} | {flag.off} | `{flag.owner}` |")
    return HEAD + "\n".join(lines) + "\n" + TAIL
