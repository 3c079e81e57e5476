"""What the dispatcher asks of the disk, and the events that answer it. A read that fails is an answer too."""

from __future__ import annotations

from tmaxd.daemon.log import EventLog
from tmaxd.ports import Journal, JournalError
from tmaxd.tasks.events import (
    DueLoaded,
    Event,
    ExpiredLoaded,
    FindKey,
    FindTasks,
    KeyFound,
    LoadDue,
    Loaded,
    LoadExpired,
    LoadPage,
    PurgeTasks,
    Query,
    TasksFound,
    TasksPurged,
)


async def answered(query: Query, journal: Journal, now: float, log: EventLog) -> Event:
    """`now`: the wall time of the step that asked."""
    try:
        return await _read(query, journal, now)
    except JournalError as error:
        if isinstance(query, PurgeTasks):
            return TasksPurged(query.token, None, str(error))  # told by whoever asked for it
        log.error("journal_unreadable", text=f"  {error}")
        return _failed(query)


async def _read(query: Query, journal: Journal, now: float) -> Event:
    match query:
        case LoadPage(group, priority, after, limit):
            return Loaded(group, priority, await journal.page(group, priority, after, limit))
        case LoadDue(group, limit):
            return DueLoaded(group, await journal.due(group, now, limit))
        case LoadExpired(group, limit):
            return ExpiredLoaded(group, await journal.expired(group, now, limit))
        case FindTasks(token, ids):
            return TasksFound(token, await journal.find(ids))
        case FindKey(token, group, key):
            return KeyFound(token, await journal.find_key(group, key))
        case PurgeTasks(token, wish):
            return TasksPurged(token, await journal.purge(wish))


def _failed(query: LoadPage | LoadDue | LoadExpired | FindTasks | FindKey) -> Event:
    match query:
        case LoadPage(group, priority):
            return Loaded(group, priority, None)
        case LoadDue(group):
            return DueLoaded(group, None)
        case LoadExpired(group):
            return ExpiredLoaded(group, None)
        case FindTasks(token):
            return TasksFound(token, None)
        case FindKey(token):
            return KeyFound(token, None, failed=True)
