"""docs/events.md, made of the names of events, what each means, and the fields that it has."""

from __future__ import annotations

from typing import Final

from tmaxd.spec.event_names import KINDS, MEANINGS

FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "started": ("pid", "run", "fields"),
    "start_failed": ("text",),
    "ready": ("how", "after", "window"),
    "ended": ("status", "signal"),
    "adopted": ("pid", "run"),
    "stop": ("fields",),
    "keys": ("keys",),
    "signal": ("signal", "pids", "hangup"),
    "signal_refused": ("pid", "text"),
    "quarantined": ("retry_in",),
    "mass_death": ("died", "living", "workers"),
    "revived": ("died", "up", "took", "left", "workers"),
    "taken": ("spare", "age", "pid", "run"),
    "pool_miss": ("why",),
    "probe_failed": ("probe", "text"),
    "unhealthy": ("probe", "text"),
    "healthy": ("probe", "how"),
    "memory_warning": ("scope", "bytes", "limit"),
    "memory_recycle": ("scope", "bytes", "limit"),
    "memory_kill": ("scope", "bytes", "limit"),
    "memory_limit_too_low": ("scope", "bytes", "limit"),
    "memory_hold": ("scope", "bytes", "limit"),
    "memory_hold_over": ("scope", "bytes", "limit"),
    "ordered": ("order", "targets", "count", "now"),
    "orders_overruled": ("targets", "text"),
    "spec_applied": ("revision", "changed", "cause"),
    "spec_waits": ("changed",),
    "spec_rejected": ("problems", "text"),
    "approved": ("revision",),
    "rolled_back": ("revision", "to", "text"),
    "flag_set": ("flag", "value", "lasts"),
    "flag_over": ("flag", "value", "why"),
    "revision_unreadable": ("text",),
    "inbox_waits": ("inbox", "why"),
    "inbox_line_rejected": ("inbox", "count", "why"),
    "pipe_repaired": ("path", "problem"),
    "pipe_trouble": ("text",),
    "send_failed": ("text",),
    "bad_frames": ("count", "why", "sample"),
    "stray_frames": ("count", "why", "sample"),
    "protocol_mismatch": ("version",),
    "payload_file_written": ("task",),
    "payload_file_trouble": ("task", "text"),
    "store_refused": ("count", "why", "sample"),
    "store_trouble": ("text",),
    "store_unreadable": ("text",),
    "cleaned": ("what", "count", "bytes"),
    "cleanup_incomplete": ("what", "text"),
    "cleanup_unplanned": ("what", "text"),
    "api_open": ("socket",),
    "watching": ("mode",),
    "front_failed": ("text",),
    "stopped": ("text",),
    "server_still_there": ("text",),
    "pass_failed": ("text",),
    "pass_bug": ("text",),
    "limits_not_kept": ("groups", "text"),
    "sample_failed": ("text",),
    "cannot_go_on": ("text",),
    "journal_refused": ("text",),
    "journal_unreadable": ("text",),
    "commits_missing": ("text",),
    "hook_failed": ("command", "hook", "seq", "text"),
    "hooks_skipped": ("count", "text"),
    "orphan_ended": ("run", "count", "pids", "command", "bytes"),
    "leftover_probes_ended": ("pids",),
}
"""What an event may carry beside worker, group and reason; any of it may be missing where there is nothing to say."""

WORDS: Final = {
    "after": "seconds from its start",
    "age": "seconds that the spare had lived",
    "bytes": "what came back; of `memory_…`, what is used",
    "command": "the program",
    "cause": "why, where the file did not say so: `rollback to 3`",
    "changed": "keys of the spec that are different from before",
    "count": "how many; of `ordered`, the workers that a group was scaled to",
    "died": "how many died",
    "fields": "keys of the group whose change is the cause",
    "groups": "the groups",
    "flag": "the name of the flag",
    "hangup": "those of the processes that ignored the signal, and got SIGHUP with it",
    "hook": "the event that the command was run for",
    "how": "what said so: `frame`, `output`, `exec`, `tcp`, `http`, …",
    "inbox": "the inbox",
    "keys": "the keys, by their names in tmux",
    "lasts": "seconds until it is over by itself",
    "left": "who was not up again when a minute had passed",
    "limit": "bytes that may be used",
    "living": "how many live on",
    "mode": "how files are watched",
    "now": "true where it was not to wait for anybody",
    "order": "`start`, `stop`, `drain`, `restart`, `pause`, `resume`, `pin`, `unpin`, `scale`",
    "path": "the FIFO",
    "pid": "a process",
    "pids": "processes",
    "probe": "what was asked: `exec`, `tcp`, `http`, …",
    "problem": "what was wrong with it",
    "problems": "how many mistakes the file has",
    "retry_in": "seconds to the next try",
    "revision": "the revision that it is about",
    "run": "the name of the run, which no other one ever has",
    "sample": "one of the lines, or the namespace and key of one",
    "scope": "whose limit it is: `worker`, `group` or `fleet`",
    "seq": "the number of that event",
    "signal": "the signal: its number where a process was ended by it, its name where one is sent",
    "socket": "where requests are taken",
    "spare": "the name of the spare",
    "status": "the exit status",
    "targets": "groups and workers",
    "task": "the id of the task",
    "text": "what failed, in words, perhaps several lines",
    "took": "seconds from the death until the last of them was ready",
    "to": "the revision that holds instead",
    "up": "how many were up again",
    "value": "`on` or `off`: what holds from then on",
    "version": "the version that it speaks",
    "what": "what was to be cleaned up: `tasks`, `logs`, …",
    "why": "why, in words",
    "window": "tasks that it takes at once",
    "workers": "who died, as far as it was known then; at most 500 names",
}
"""Each field, once."""

HEAD: Final = """\
# Events

What happens to the fleet is an event: numbered, in the state database, and shown by `tmaxctl events` (`-f` follows,
`--since N` begins after a number, `-o json` gives an object a line), by `GET /v1/events`, by `tmaxctl why WORKER` in
plain words, and to the commands of `on:` ([spec.md](spec.md)) on their standard input.

| key | |
|---|---|
| `seq` | its number; it grows with each event, also over restarts of the daemon, and none is used twice |
| `at`, `first`, `count` | when; where it repeats something, when that was first, and how often in all |
| `level` | `info`, `warning`, `error` |
| `event` | one of the names below |
| `worker`, `group` | what it is about; empty where it is about no single one |
| `reason` | a fixed word for why, the same as in the status; may be empty |
| `fields` | what else there is to say, below |

A repeat (the same event of the same worker, for the same reason, within ten minutes of the first) takes the place of
what it repeats, under a new number: who follows sees it again with a higher `count`. The last 10,000 events are kept,
for 30 days at most.

This page is made from `tmaxd/spec/event_page.py`.
"""


def text() -> str:
    lines = [HEAD, "## Names\n", "| event | when | fields |", "|---|---|---|"]
    for name, meaning in MEANINGS.items():
        fields = ", ".join(f"`{field}`" for field in FIELDS.get(name, ()))
        lines.append(f"| `{name}` | {meaning} | {fields} |")
    lines += [
        "",
        "`on:` also takes these, which are kinds of an event, and `*` for all events:",
        "",
    ]
    lines += ["| name | is | with the reason | when |", "|---|---|---|---|"]
    for kind, (event, reasons, meaning) in KINDS.items():
        words = ", ".join(f"`{reason}`" for reason in sorted(reasons))
        lines.append(f"| `{kind}` | `{event}` | {words} | {meaning} |")
    lines += ["", "## Fields\n", "| field | |", "|---|---|"]
    lines += [f"| `{field}` | {words} |" for field, words in WORDS.items()]
    return "\n".join(lines) + "\n"
