"""A crontab's line: what is wrong with one, and when the next time is, also where clocks change."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tmaxd.cron import next_after, problem

GOOD = ["0 4 * * *", "*/15 8-18 * * mon-fri", "0 0 29 2 *", "5,35 * * JAN,jul 1-7", "0 0 13 * 5", "0 12 * * 7",
        "30 2 31 */2 *"]  # fmt: skip
BAD = {
    "": "has 0 fields, not five",
    "5": "has 1 field, not five",
    "0 4 * *": "has 4 fields, not five",
    "0 0 4 * * *": "has 6 fields, not five",
    "@daily": "has 1 field, not five",
    "60 4 * * *": "the field minute (60) may have 0 to 59",
    "0 24 * * *": "the field hour (24) may have 0 to 23",
    "0 4 0 * *": "the field day-of-month (0) may have 1 to 31",
    "0 4 L * *": "the field day-of-month (L)",
    "0 4 * 13 *": "the field month (13)",
    "0 4 * * 8": "the field day-of-week (8)",
    "0 4 * * 5#2": "the field day-of-week (5#2)",
    "0 4 * * 5L": "the field day-of-week (5L)",
    "*/0 4 * * *": "the field minute (*/0)",
    "5-1 4 * * *": "the field minute (5-1)",
    "-5 4 * * *": "the field minute (-5)",
    "0 4 * jun-foo *": "the field month (jun-foo)",
    "٣ 4 * * *": "the field minute (٣)",
    "0 4 30 2 *": "names a day that no month of it has",
    "0 4 31 4,6,9,11 *": "names a day that no month of it has",
}


@pytest.mark.parametrize("line", GOOD)
def test_a_line_that_is_right(line: str) -> None:
    assert problem(line) is None


@pytest.mark.parametrize("line", BAD)
def test_a_line_that_is_wrong(line: str) -> None:
    found = problem(line)
    assert found is not None
    assert found.startswith(BAD[line])


def at(text: str, zone: str = "UTC") -> float:
    """A local time; the first, where it comes twice."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("line", "after", "due"),
    [
        ("0 4 * * *", "2026-03-01 03:59", "2026-03-01 04:00"),
        ("0 4 * * *", "2026-03-01 04:00", "2026-03-02 04:00"),
        ("0 4 * * *", "2026-03-01 03:59:59.999", "2026-03-01 04:00"),
        ("*/20 * * * *", "2026-12-31 23:41", "2027-01-01 00:00"),
        ("0 0 29 2 *", "2026-01-01 00:00", "2028-02-29 00:00"),
        (
            "0 0 13 * 5",
            "2026-02-01 00:00",
            "2026-02-06 00:00",
        ),  # either of the two days, crontab(5)
        ("0 12 * * sun", "2026-03-02 00:00", "2026-03-08 12:00"),
    ],
)
def test_the_next_time(line: str, after: str, due: str) -> None:
    assert next_after(line, "UTC", at(after)) == at(due)


BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("line", "after", "due"),
    [
        # 2026-03-29 02:00 is 03:00 there; 2026-10-25 03:00 is 02:00 once more.
        ("30 2 * * *", "2026-03-28T12:00+01:00", "2026-03-29T03:00+02:00"),
        ("30 2 * * *", "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"),
        ("*/30 * * * *", "2026-03-29T01:30+01:00", "2026-03-29T03:00+02:00"),
        ("30 2 * * *", "2026-10-25T00:00+02:00", "2026-10-25T02:30+02:00"),
        ("30 2 * * *", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"),
        ("30 2 * * *", "2026-10-25T02:10+01:00", "2026-10-26T02:30+01:00"),
        ("*/30 * * * *", "2026-10-25T02:30+02:00", "2026-10-25T02:00+01:00"),
        ("0 4 * * *", "2026-10-24T04:00+02:00", "2026-10-25T04:00+01:00"),
    ],
)
def test_where_clocks_change(line: str, after: str, due: str) -> None:
    stamp = datetime.fromisoformat(after).timestamp()
    assert next_after(line, BERLIN, stamp) == datetime.fromisoformat(due).timestamp()


ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Santiago",
    "UTC",
)
FIELDS = {
    "minute": ("0", "30", "*/15", "*", "5,50", "1-3"),
    "hour": ("*", "0", "2", "1-3", "23,0", "*/2"),
    "day": ("*", "1", "25-31", "*/2"),
    "month": ("*", "3,4,10", "1-12/2"),
    "weekday": ("*", "0", "mon-fri", "7"),
}
DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


def values(field: str, low: int, high: int) -> set[int]:
    found = set[int]()
    for part in field.split(","):
        base, _, step = part.partition("/")
        first, _, last = base.partition("-")
        if base == "*":
            span = range(low, high + 1)
        else:
            begin, end = number(first), number(last or first)
            span = range(begin, end + 1)
        found |= set(span[:: int(step or 1)])
    return found


def number(text: str) -> int:
    return DAYS.index(text) if text in DAYS else int(text)


def matches(line: str, local: datetime) -> bool:
    minute, hour, day, month, weekday = line.split()
    days = {n % 7 for n in values(weekday, 0, 6)}
    by_day = local.day in values(day, 1, 31)
    by_weekday = local.isoweekday() % 7 in days
    either = not (day.startswith("*") or weekday.startswith("*"))
    return (
        local.minute in values(minute, 0, 59)
        and local.hour in values(hour, 0, 23)
        and local.month in values(month, 1, 12)
        and ((by_day or by_weekday) if either else (by_day and by_weekday))
    )


def expected(line: str, zone: ZoneInfo, first: datetime, hours: int) -> Iterator[float]:
    """Minute by minute: those of the clock on the wall, or, where it is due at fixed times, those of the calendar."""
    minute, hour = line.split()[:2]
    if minute.startswith("*") or hour.startswith("*"):
        for step in range(hours * 60):
            real = first + timedelta(minutes=step)
            if matches(line, real.astimezone(zone)):
                yield real.timestamp()
        return
    begin = first.astimezone(zone).replace(tzinfo=None)
    found = set[float]()
    for step in range(-120, hours * 60):
        local = begin + timedelta(minutes=step)
        if matches(line, local):
            found.add(real_of(local, zone))
    yield from sorted(stamp for stamp in found if stamp >= first.timestamp())


def real_of(local: datetime, zone: ZoneInfo) -> float:
    """The first moment that has this local time; the end of the gap for one that there is not."""
    while True:
        stamp = local.replace(tzinfo=zone).timestamp()
        if datetime.fromtimestamp(stamp, zone).replace(tzinfo=None) == local:
            return stamp
        local += timedelta(minutes=1)


CHANGES = [
    datetime(2026, month, day, tzinfo=UTC)
    for month, day in (
        (3, 7),
        (3, 28),
        (4, 4),
        (4, 23),
        (9, 5),
        (10, 3),
        (10, 24),
        (10, 29),
        (10, 31),
    )
]
"""A day before the clocks change, in one of the zones."""


@settings(max_examples=150, deadline=None)
@given(
    line=st.tuples(*(st.sampled_from(some) for some in FIELDS.values())).map(" ".join),
    zone=st.sampled_from(ZONES),
    day=st.sampled_from(CHANGES),
)
def test_every_time_around_a_change_of_clocks(line: str, zone: str, day: datetime) -> None:
    assert problem(line) is None
    hours = 52
    wanted = list(expected(line, ZoneInfo(zone), day, hours))
    found = list[float]()
    stamp, end = day.timestamp() - 1, (day + timedelta(hours=hours - 3)).timestamp()
    while (stamp := next_after(line, zone, stamp)) < end:
        found.append(stamp)
    assert found == [stamp for stamp in wanted if stamp < end]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata"])
def test_the_zone_of_the_machine(zone: str) -> None:
    """In a process of its own: the C library reads `TZ` when it is set."""
    lines = ("30 2 * * *", "*/30 * * * *", "0 4 * * *")
    stamps = [day.timestamp() for day in CHANGES]
    code = (
        "from tmaxd.cron import next_after\n"
        f"for line in {lines!r}:\n"
        f"    for stamp in {stamps!r}:\n"
        "        for _ in range(60):\n"
        "            stamp = next_after(line, None, stamp)\n"
        "            print(stamp)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"TZ": zone}, capture_output=True, text=True, check=True
    )
    wanted = []
    for line in lines:
        for begin in stamps:
            stamp = begin
            for _ in range(60):
                stamp = next_after(line, zone, stamp)
                wanted.append(stamp)
    assert [float(line) for line in done.stdout.split()] == wanted


def test_the_library_is_imported_only_where_it_is_needed() -> None:
    code = "import sys, tmaxd.cron; assert not {'cronsim', 'zoneinfo'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)
