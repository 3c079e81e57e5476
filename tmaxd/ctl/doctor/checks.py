"""Everything that the doctor looks at, by name: the names of findings, and docs/doctor.md."""

from __future__ import annotations

from typing import NamedTuple


class Check(NamedTuple):
    looks_at: str
    why: str
    fix: str = ""
    """What `--fix` does; empty: nothing."""


CHECKS: dict[str, Check] = {
    "tmux": Check(
        "tmux is on `PATH`, answers, and is 3.2 or later",
        "every worker lives in it",
    ),
    "tmux_faults": Check(
        "the faults of its version that matter here",
        "tmaxd works around them; a newer tmux does not have them",
    ),
    "tmux_server": Check(
        "the fleet's tmux server is of the same version as the program",
        "a server that was started before an upgrade may refuse the newer program",
    ),
    "python": Check("the version of Python", "tmaxd needs 3.11 or later"),
    "kernel": Check(
        "pidfds, `cgroup.kill`, and `prlimit`",
        "without them deaths are noticed by looking, trees are ended one by one, workers inherit our limit of files",
    ),
    "containment": Check(
        "cgroup v2, whether it is ours to divide, and the memory controller",
        "what holds a worker's processes together, and whether the kernel keeps `memory.high` and `memory.max`",
    ),
    "open_files": Check(
        "`RLIMIT_NOFILE` against four descriptors a worker", "beyond it no worker can be started"
    ),
    "terminals": Check(
        "`kernel.pty.max` against one terminal a worker", "beyond it no worker can be started"
    ),
    "pipe_capacity": Check(
        "`fs.pipe-max-size` against `pipes.capacity`",
        "FIFOs stay at the size that the kernel gives",
    ),
    "pipe_pages": Check(
        "`fs.pipe-user-pages-soft` against the capacity of all FIFOs together",
        "the FIFOs beyond it hold only one or two pages, so that a busy worker waits for the daemon more often",
    ),
    "inotify": Check(
        "a watch can be had (`fs.inotify.max_user_instances`, `max_user_watches`)",
        "without one the spec is looked at each second instead",
    ),
    "lingering": Check(
        "a user's processes and runtime folder outlive the logout",
        "without lingering, sockets and FIFOs go with the last session, and services of the user with them",
        "`loginctl enable-linger`, for oneself",
    ),
    "runtime_place": Check(
        "the runtime folder is not where files are cleaned away by age",
        "cleaners of temporary folders remove sockets and FIFOs that are in use",
    ),
    "state_place": Check(
        "the state folder is on a disk", "what is in memory only is gone after the next boot"
    ),
    "folder": Check(
        "folders are there, real (no links), and ours",
        "the daemon does not start where somebody else could replace what is in them",
        "makes missing ones of a fleet that has run",
    ),
    "folder_mode": Check(
        "nobody else can look into a fleet's folders, or swap them",
        "whoever can, controls the workers",
        "`chmod` of folders that are ours alone",
    ),
    "filesystem": Check(
        "the filesystem has FIFOs, sockets, locks and shared memory",
        "vfat and its like have no FIFOs; databases on NFS, 9p and the like get damaged",
    ),
    "socket_path": Check(
        "socket paths have at most 107 bytes",
        "a longer one cannot be bound, and the daemon does not start",
    ),
    "disk_space": Check(
        "free bytes where state and runtime are", "a full disk stops submits and loses log lines"
    ),
    "disk_inodes": Check(
        "free inodes there", "without one no file can be made, however much room there is"
    ),
    "clock": Check(
        "the clock is set, kept by somebody, and has not gone backwards",
        "schedules, `--at`, ages and `ttl` go by it; delays and backoff do not",
    ),
    "sleep": Check(
        "time that the machine has slept since it booted",
        "delays and backoff stood still in it, schedules did not",
    ),
    "state": Check(
        "`state.db` can be read, is ours and private, whole, and of a version that is known",
        "a daemon does not start on a state that it cannot read, and never replaces it",
        "`chmod` of a file of ours",
    ),
    "state_wal": Check(
        "the size of its write-ahead log",
        "a log that grows is one that something keeps from being worked in",
    ),
    "state_integrity": Check(
        "SQLite's own `quick_check` (only with `--deep`)", "damage is found before it is met"
    ),
    "memory_store": Check(
        "`memory.db`, the same as `state.db`", "workers cannot read or store values", "`chmod`"
    ),
    "unit": Check(
        "the unit `tmaxd@FLEET` of systemd, where systemd runs",
        "who starts the fleet after a boot, and whether that failed",
    ),
    "daemon": Check(
        "who holds the fleet's lock can be reached",
        "a daemon that does not answer cannot be asked for anything",
    ),
    "daemon_version": Check(
        "the daemon is of the same version as tmaxctl",
        "new verbs and options may not be known to it",
    ),
    "stale_socket": Check(
        "sockets that a dead daemon or server has left",
        "the next start replaces them; until then other programs take the fleet for one that runs",
        "removes them",
    ),
    "same_spec": Check(
        "no other daemon runs from the same file",
        "both would do what it says, each with workers of its own",
    ),
    "spec": Check("the spec is valid, as `tmaxctl validate` has it", "a bad one is not taken up"),
    "programs": Check(
        "the programs of workers, checks and hooks are found, and their folders are there",
        "they cannot be started",
    ),
}
