"""What the doctor says: findings, and the repairs that it may make by itself. Values only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["error", "warning", "note", "ok"]
"""`error`: something does not work. `warning`: something will not, one day or under load. `note`: good to know."""

LEVELS: tuple[Level, ...] = ("error", "warning", "note", "ok")


@dataclass(frozen=True)
class MakeFolder:
    """A folder of ours that is missing; 0700."""

    path: str


@dataclass(frozen=True)
class TakeAway:
    """Permission bits of a folder or file of ours that nobody else should have."""

    path: str
    bits: int


@dataclass(frozen=True)
class RemoveSocket:
    """A socket that nobody listens on, while nobody holds `lock`, which its daemon would."""

    path: str
    lock: str


@dataclass(frozen=True)
class Linger:
    """`loginctl enable-linger` for oneself."""


Repair = MakeFolder | TakeAway | RemoveSocket | Linger


@dataclass(frozen=True)
class Finding:
    check: str
    """A name of `checks.CHECKS`."""
    level: Level
    what: str
    """What is so, and where: one sentence without its full stop."""
    consequence: str = ""
    """What comes of it; empty where all is well."""
    fix: str = ""
    """The command that mends it, or what to do where no command can."""
    repair: Repair | None = None
    """What `--fix` does about it."""

    def as_json(self) -> dict[str, Any]:
        return {
            "check": self.check,
            "level": self.level,
            "what": self.what,
            "consequence": self.consequence,
            "fix": self.fix,
            "fixable": self.repair is not None,
        }


def counts(findings: Iterable[Finding]) -> dict[Level, int]:
    """How many there are of each level, the gravest first."""
    found = dict.fromkeys(LEVELS, 0)
    for finding in findings:
        found[finding.level] += 1
    return found
