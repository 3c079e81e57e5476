"""Task ids as they are written on a command line: `17`, and ranges such as `5..9`, both ends in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import click

from tmaxd.ctl.text import clean

Range = tuple[int, int]
"""First id, and how many."""

Ranges = list[Range]

TOP = 2**63 - 1
"""The highest id that the daemon's tables can hold."""

_WRITTEN = re.compile(r"([0-9]{1,19})(?:\.\.([0-9]{1,19}))?")


def of_arguments(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> Ranges:
    """A click callback."""
    return joined(map(read, texts))


def read(text: str) -> Range:
    """Raises click.BadParameter."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise click.BadParameter(f"`{clean(text)}` is no task id: write 17, or 5..9 for several")
    first, last = int(found[1]), int(found[2] or found[1])
    if not 1 <= first <= TOP or last > TOP:
        raise click.BadParameter(f"`{text}`: task ids go from 1 to {TOP}")
    if last < first:
        raise click.BadParameter(f"`{text}` runs backwards: write {last}..{first}")
    return first, last - first + 1


def joined(ranges: Iterable[Range]) -> Ranges:
    """In ascending order, each id once, neighbours as one range."""
    found: Ranges = []
    for first, count in sorted(ranges):
        if found and first <= sum(found[-1]):
            start, length = found.pop()
            found.append((start, max(length, first + count - start)))
        else:
            found.append((first, count))
    return found


def total(ranges: Iterable[Range]) -> int:
    return sum(count for _, count in ranges)


def parts(ranges: Iterable[Range], most: int) -> Iterator[Ranges]:
    """In order, cut so that no part has more than `most` ids."""
    part: Ranges = []
    room = most
    for first, count in ranges:
        while count > room:
            yield [*part, (first, room)] if room else part
            first, count, part, room = first + room, count - room, [], most
        part.append((first, count))
        room -= count
    if part:
        yield part


def written(first: int, count: int) -> str:
    """As `read` reads it."""
    return str(first) if count == 1 else f"{first}..{first + count - 1}"
