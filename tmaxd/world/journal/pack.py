"""What stands in the columns of packed bytes: many tasks as one value (msgpack). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from tmaxd.tasks.records import DoneTask

SPAN = 256
"""Tasks of a block at most, and how far apart the ids of one end may be: an offset is a byte."""

BLOCK_BYTES = 128 * 1024
"""Of packed payloads; a block of more holds one task. Whoever wants one payload reads the block."""

Ids = tuple[Sequence[int], Sequence[int]]
"""The ids of a lease, and their attempts."""

encode = msgspec.msgpack.Encoder().encode
texts = msgspec.msgpack.Decoder(list[str]).decode
done_tasks = msgspec.msgpack.Decoder(list[DoneTask]).decode
ids = msgspec.msgpack.Decoder(Ids).decode

_IN_A_ROW = bytes(range(SPAN))


class Piece(NamedTuple):
    """Done tasks that stand in one row of `ends`."""

    low: int
    high: int
    offsets: bytes
    """How far each task's id is above `low`."""
    tasks: Sequence[DoneTask]


def pieces(tasks: Sequence[DoneTask]) -> Iterator[Piece]:
    """Done tasks in pieces of ids within SPAN of each other."""
    numbers = [task[0] for task in tasks]
    if not numbers:
        return
    low, count = numbers[0], len(numbers)
    if count <= SPAN and numbers == list(range(low, low + count)):
        yield Piece(low, low + count - 1, _IN_A_ROW[:count], tasks)
        return
    low, high = min(numbers), max(numbers)
    if high - low < SPAN:
        yield Piece(low, high, bytes([number - low for number in numbers]), tasks)
        return
    ordered = sorted(tasks, key=lambda task: task[0])
    begin = 0
    for place in range(1, count + 1):
        if place == count or ordered[place][0] - ordered[begin][0] >= SPAN:
            yield from pieces(ordered[begin:place])
            begin = place


def blocks(first: int, texts: Sequence[str]) -> Iterator[tuple[int, int, bytes]]:
    """Payloads of tasks from `first` on as what becomes blocks: the first id, how many, the packed payloads."""
    if len(texts) <= SPAN:
        packed = encode(texts)
        if len(packed) <= BLOCK_BYTES or len(texts) == 1:
            yield first, len(texts), packed
            return
    begin = size = 0
    for place, text in enumerate(texts):
        more = 4 * len(text)  # at the most, in UTF-8
        if place > begin and (place - begin == SPAN or size + more > BLOCK_BYTES):
            yield first + begin, place - begin, encode(texts[begin:place])
            begin, size = place, 0
        size += more
    yield first + begin, len(texts) - begin, encode(texts[begin:])
