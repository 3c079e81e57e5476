"""A file, as plain data, that has every key of the format. Not one that makes sense: the schema knows no sense."""

from __future__ import annotations

from typing import Any

GOOD: dict[str, Any] = {
    "version": 1,
    "fleet": "demo",
    "include": ["/a.yaml"],
    "defaults": {"env_file": "/e", "timeout": "1s", "stop": {"signal": "INT", "after": "0s"}},
    "workers": {
        "check": {
            "count": 4,
            "task": ["a", "b"],
            "env": {"A": "1", "B": None},
            "env_file": ["/e"],
            "cwd": "/c",
            "stop": {"signal": "TERM", "after": "5s"},
            "timeout": "30s",
            "retry": {"attempts": 3, "backoff": {"first": "1s", "max": "1m30s"}},
            "window": 64,
            "balance": "sticky",
            "max_queue": 10,
            "expire": "1h",
            "lease": "never",
            "layout": "dedicated",
            "ready": {"frame": True, "within": "never", "every": "1s", "timeout": "1s"},
            "health": {"heartbeat": "1m", "failures": 2, "successes": 1, "delay": "0s"},
            "after": {"shell": "started"},
            "pool": 2,
            "memory": {
                "warn": "1MiB",
                "recycle": 2000000,
                "kill": "3MB",
                "for": 3,
                "deadline": "never",
                "high": "1GiB",
                "max": "2GiB",
                "total": {"warn": "1GiB", "recycle": "2GiB", "kill": "3GiB", "for": 1},
            },
            "max_tasks": 100,
            "max_age": "24h",
        },
        "shell": {
            "run": ["bash"],
            "after": ["db"],
            "restart": {
                "policy": "never",
                "success": [0, "TERM"],
                "failure": [3],
                "permanent": ["HUP"],
                "backoff": {"first": "0s", "factor": 1.5, "max": "1m", "jitter": 0.5},
                "limit": {"crashes": 3, "within": "1h", "then": "retry", "every": "1m"},
            },
            "ready": {"output": "up", "tcp": 80, "exec": ["x"], "alive": "1s"},
            "health": {"http": "http://x/", "output": "5m", "then": "report", "tcp": "x:1"},
            "stop": {"keys": ["C-c"], "drain": "never"},
            "rollout": {
                "max_unavailable": "25%",
                "surge": 1,
                "canary": "5%",
                "canary_for": "1m",
                "healthy_for": "1s",
                "pause": "0s",
                "rollback": True,
            },
            "pool": {"size": 1, "max_age": "never"},
            "max_age": {"after": "1h", "jitter": 0.5},
        },
        "db": {"run": ["db"], "after": "x", "stop": {"keys": "q", "drain": "0s"}},
    },
    "pool": {"groups": ["a"], "size": 0, "max_age": "1h"},
    "memory": {
        "sample": "5s",
        "worker": {"warn": "1GiB", "for": 3, "deadline": "0s", "high": "1GiB", "max": "2GiB"},
        "fleet": {"warn": "1GiB", "hold": "1GiB", "recycle": "1GiB", "kill": "1GiB", "for": 1},
        "keep_free": "1GiB",
    },
    "cleanup": [
        {"what": "tasks", "ttl": "7d", "cron": "0 4 * * *", "zone": "UTC", "groups": "a"},
        {"what": "logs", "every": "1h", "jitter": "0s", "groups": ["a"], "max_size": "1GiB"},
        {"what": "logs", "compress": True, "apply": False, "namespaces": ["a"]},
        {"what": "files", "files": ["/a/*"], "roots": "/a", "ttl": "0s"},
    ],
    "store": {
        "max_value": "1MiB",
        "namespaces": {"*": {"max_keys": 5}, "a/b": {"max_size": "1MiB", "ttl": "never"}},
    },
    "flags": {"session_pool": False, "batching": None},
    "on": {
        "ended": ["a", "b"],
        "worker_crashed": {"run": ["a"], "timeout": "1s"},
        "*": [["a"], {"run": ["b"]}],
    },
    "pipes": {
        "layout": "shared",
        "capacity": "64KiB",
        "inboxes": {"tasks": {"to": "check"}, "more": {"to": ["check"]}},
        "outboxes": {"results": {"from": "check"}},
        "routes": [
            {"from": ["a", "b"], "to": "c", "when": "any", "payload": "{result}", "max_hops": 3}
        ],
    },
}
