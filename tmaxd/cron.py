"""Times of a crontab: what five fields and a time zone mean. The check of the spec and the schedules share it.

The fields are those of crontab(5). Where clocks are put forward or back, it is as in Debian's cron: what is due in an
hour that is left out runs right after it; what is due in an hour that comes twice runs once, unless minute or hour
begin with `*`. No clock is read here; `cronsim` and the time zones are imported when first asked for, since few specs
have a crontab's line.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cronsim import CronSim

_ALLOWED: Final = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31, as far as the month has it",
    "month": "1 to 12 or jan to dec",
    "day-of-week": "0 to 7 (0 and 7 are Sunday) or sun to sat",
}
_FIELD: Final = re.compile(r"[0-9a-z*/,-]+", re.IGNORECASE)
_YEAR: Final = datetime(2024, 1, 1, tzinfo=UTC)
"""A time to ask from whether there is ever a next one. It matters not which."""


def problem(text: str) -> str | None:
    """What is wrong with the five fields, as a phrase without a full stop; None: nothing."""
    fields = text.split()
    if len(fields) != len(_ALLOWED):
        return f"has {len(fields)} field{'' if len(fields) == 1 else 's'}, not five"
    from cronsim import CronSimError

    for (name, allowed), field in zip(_ALLOWED.items(), fields, strict=True):
        alone = ["*" if other != name else field for other in _ALLOWED]
        if not _FIELD.fullmatch(field) or "L" in _without_names(field):
            return _wrong(name, field, allowed)
        try:
            _times(" ".join(alone), _YEAR)
        except (CronSimError, ValueError):
            return _wrong(name, field, allowed)
    try:
        next(_times(text, _YEAR))
    except (CronSimError, StopIteration):
        return "names a day that no month of it has, so it would never be due"
    return None


def next_after(text: str, zone: str | None, wall: float) -> float:
    """The first time after `wall` (seconds since the epoch) at which the fields are due, in whole seconds; by the
    clocks of `zone` (IANA), of the machine where it is None. `text` and `zone` are right. Raises KeyError when the
    zone is gone from the machine since, ValueError for a line that is never due."""
    where = _zone(zone)
    for due in _times(text, datetime.fromtimestamp(wall, UTC).astimezone(where)):
        # In the second of two equal hours, what is due once was due in the first.
        if due.timestamp() > wall:
            return due.timestamp()
    raise ValueError(f"{text!r} is never due")


def _wrong(name: str, field: str, allowed: str) -> str:
    return f"the field {name} ({field}) may have {allowed}, `*`, lists `1,2`, ranges `1-5`, steps `*/10`"


def _without_names(field: str) -> str:
    """What is left besides jul: an L would be the last day, which is not of crontab(5)."""
    return re.sub("jul", "", field, flags=re.IGNORECASE).upper()


def _times(text: str, after: datetime) -> CronSim:
    from cronsim import CronSim

    return CronSim(text, after)


def _zone(name: str | None) -> tzinfo:
    if name is None:
        return _Machine()
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


class _Machine(tzinfo):
    """The zone that this machine is set to, with its changes, as the C library knows it (tzset(3))."""

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        return None if dt is None else dt.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, _dt: datetime | None) -> timedelta | None:
        return None

    def tzname(self, _dt: datetime | None) -> str | None:
        return None

    def fromutc(self, dt: datetime) -> datetime:
        # Without a zone, `fromtimestamp` says which of two equal hours it is (fold).
        stamp = dt.replace(tzinfo=UTC).timestamp()
        return datetime.fromtimestamp(stamp).replace(tzinfo=self)  # noqa: DTZ006
