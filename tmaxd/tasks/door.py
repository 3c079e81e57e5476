"""What a submit must be to become tasks: the last check before memory, the journal and the frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isfinite

from tmaxd.tasks.events import DenyReason, Submit
from tmaxd.tasks.groups import GroupState
from tmaxd.tasks.records import MAX_KEY, MAX_PRIORITY, MIN_PRIORITY, PLAIN, Options

MAX_PAYLOAD = 1024 * 1024
"""Bytes of UTF-8: memory and the journal hold a payload whole."""

Problem = tuple[DenyReason, str]


def problem_of(payload: str) -> Problem | None:
    """Why the payload is refused; None when it is fine."""
    if size_of(payload) > MAX_PAYLOAD:
        return "payload_too_large", too_large("the payload", size_of(payload))
    why = _unfit(payload)
    return None if why is None else ("bad_payload", f"the payload {why}")


def size_of(payload: str) -> int:
    """Bytes of UTF-8."""
    if payload.isascii():
        return len(payload)
    return len(payload.encode(errors="surrogatepass"))


def too_large(what: str, size: int | None, limit: int = MAX_PAYLOAD) -> str:
    """The refusal of a payload; `size` None: it was not read to its end."""
    has = f"more than the limit of {limit:,} bytes"
    if size is not None:
        has = f"{size:,} bytes; the limit is {limit:,}"
    return f"{what} has {has} (put the data into a file and submit its path)"


def _unfit(text: str) -> str | None:
    """Why a text cannot go through a frame, a file and an argument."""
    if "\0" in text:
        return "holds a NUL character, which no argument can carry"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            return f"is not valid Unicode: {error.reason}"
    return None


def payloads_problem(payloads: Sequence[str]) -> Problem | None:
    """The first problem among them. Many short ones are looked at as one text, since this is on the hot path."""
    if sum(map(len, payloads)) <= MAX_PAYLOAD:
        whole = "".join(payloads)
        if whole.isascii() and "\0" not in whole:
            return None
    for payload in payloads:
        problem = problem_of(payload)
        if problem is not None:
            return problem
    return None


def options_problem(options: Options, payloads: int, groups: int, now: float) -> Problem | None:
    """What is wrong with the options of so many payloads for so many groups."""
    if options is PLAIN:
        return None
    if not MIN_PRIORITY <= options.priority <= MAX_PRIORITY:
        why = f"priority {options.priority}: it goes from {MIN_PRIORITY} to {MAX_PRIORITY}"
        return "bad_option", why
    if options.key is not None and (payloads, groups) != (1, 1):
        why = f"a key names one task of one group, this submit has {payloads} for {groups} groups"
        return "bad_option", why
    found = (
        _name_problem("key", options.key)
        or _name_problem("affinity", options.affinity)
        or _time_problem(options, now)
    )
    return None if found is None else ("bad_option", found)


def _name_problem(what: str, name: str | None) -> str | None:
    if name is None:
        return None
    if not 0 < len(name) <= MAX_KEY:
        return f"the {what} has {len(name)} characters, it takes 1 to {MAX_KEY}"
    why = _unfit(name)
    return None if why is None else f"the {what} {why}"


def _time_problem(options: Options, now: float) -> str | None:
    for name, time in (("due", options.due), ("expires", options.expires)):
        if time is not None and not isfinite(time):
            return f"{name} {time} is no time"
    if options.expires is None:
        return None
    if options.expires <= now:
        return f"it would have expired {now - options.expires:.3f} s ago"
    if options.due is not None and options.expires <= options.due:
        return f"it would expire {options.due - options.expires:.3f} s before it may begin"
    return None


def room_problem(groups: Mapping[str, GroupState], event: Submit) -> Problem | None:
    """A group that does not take the tasks, or not so many."""
    for name, copies in Counter(event.groups).items():
        group = groups.get(name)
        if group is None or group.policy is None:
            return "unknown_group", f"no group {name!r} takes tasks"
        limits = [limit for limit in (group.policy.max_queue, event.max_queue) if limit is not None]
        new = copies * len(event.payloads)
        if limits and not min(limits):
            return "queue_full", f"none may wait in group {name!r}: the limit is 0"
        if limits and new > min(limits):
            return "queue_full", (
                f"{new} tasks at once are more than the limit of {min(limits)} that may wait in group {name!r}: submit "
                "fewer at a time"
            )
        if limits and group.waiting + new > min(limits):
            return "queue_full", (
                f"{group.waiting} tasks of group {name!r} wait, the limit is {min(limits)}: there is no room for "
                f"{new} more, submit them again when some are done"
            )
    return None
