"""Times on a command line and in answers: ISO 8601 in, local time out. Knows no other clock than its arguments."""

from __future__ import annotations

import time

import click

from tmaxd.ctl.text import clean, span


def read(text: str, now: float) -> float:
    """Wall time of `2026-12-01 08:00`, local unless it names a zone. Raises click.BadParameter, also for what
    is over by `now`: with what it was taken for, since that is where such mistakes come from."""
    # Imported late: 3 ms.
    from datetime import datetime

    try:
        # Local time is what astimezone makes of one without a zone.
        moment = datetime.fromisoformat(text.strip()).astimezone()
        wall = moment.timestamp()
    except (ValueError, OverflowError, OSError):
        raise click.BadParameter(
            f"`{clean(text)}` is not a time: write it as '2026-12-01 08:00', with seconds and a zone"
            " ('2026-12-01T08:00:00+02:00') where they matter; --after 5m is for a time from now"
        ) from None
    if wall <= now:
        shown = f"{moment:%A, %Y-%m-%d %H:%M:%S UTC%z}"
        raise click.BadParameter(
            f"`{clean(text)}` was read as {shown}, which is {span(now - wall)} ago; give a time to come"
        )
    return wall


def day_and_time(wall: float) -> str:
    """`2026-12-01 08:00:00`, local."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(wall))


def time_of_day(wall: float) -> str:
    """`08:00:00`, local."""
    return time.strftime("%H:%M:%S", time.localtime(wall))


def short_moment(wall: float, now: float) -> str:
    """`08:00:00` of today, else `12-01 08:00:00`; local."""
    day = "%Y-%m-%d"
    today = time.strftime(day, time.localtime(wall)) == time.strftime(day, time.localtime(now))
    return time.strftime("%H:%M:%S" if today else "%m-%d %H:%M:%S", time.localtime(wall))
