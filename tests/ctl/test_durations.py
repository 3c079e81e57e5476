"""Values of the spec in the words of the file."""

from __future__ import annotations

import pytest

from tmaxd.ctl.durations import written


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("workers.a.memory.recycle", 800 * 1024**2, "800MiB"),
        ("workers.a.memory.max", 1024**3, "1GiB"),
        ("workers.a.restart.backoff.max", 120.0, "2m"),
        ("workers.a.max_tasks", 4096, "4096"),
        ("workers.a.max_age", {"after": 86400.0, "jitter": 0.1}, '{"after": "24h", "jitter": 0.1}'),
        ("pipes.capacity", 4097, "4097"),
        (
            "store.namespaces.a",
            {"max_size": 65536, "max_keys": 1024},
            '{"max_size": "64KiB", "max_keys": 1024}',
        ),
        (
            "cleanup",
            [{"what": "tasks", "every": 3600.0, "jitter": 30.0, "apply": True}],
            '[{"what": "tasks", "every": "1h", "jitter": "30s", "apply": true}]',
        ),
        ("on.ended", [{"run": ["x"], "timeout": 30.0}], '[{"run": ["x"], "timeout": "30s"}]'),
    ],
)
def test_written(key: str, value: object, text: str) -> None:
    assert written(key, value) == text
