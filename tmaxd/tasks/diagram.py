"""The table of a task's life as people read it: a diagram of its moves, and every cell. `docs/tasks.md` has both."""

from __future__ import annotations

from typing import Final

from tmaxd.tasks.table import MEANING, TABLE, At, Cell, Goes, Refused

BEGIN: Final = "<!-- table: generated -->"
END: Final = "<!-- end of table -->"

OVER: Final[tuple[At, ...]] = ("done", "dead", "cancelled")


def diagram() -> str:
    """A mermaid state diagram of all moves."""
    lines = [
        "stateDiagram-v2",
        "    [*] --> queued: submit",
        "    [*] --> delayed: submit for later",
    ]
    for state, row in TABLE.items():
        moves: dict[At, list[str]] = {}
        for happening, cell in row.items():
            if isinstance(cell, Goes) and cell.to != state:
                moves.setdefault(cell.to, []).append(happening.replace("_", " "))
        lines += [f"    {state} --> {to}: {', '.join(names)}" for to, names in moves.items()]
    lines += [f"    {state} --> [*]" for state in OVER]
    return "\n".join(lines)


def cells() -> str:
    """Every cell, as a table of states by what can happen, and what each cell that changes nothing is for."""
    notes: list[str] = []
    head = ["", *(f"**{state}**" for state in TABLE)]
    rows = [head, ["---"] * len(head)]
    for happening in MEANING:
        row = [_cell(by[happening], notes) for by in TABLE.values()]
        rows.append([happening.replace("_", " "), *row])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return table + "\n\n" + "\n".join(f"{place}. {note}" for place, note in enumerate(notes, 1))


def _cell(cell: Cell, notes: list[str]) -> str:
    if isinstance(cell, Goes):
        return f"→ {cell.to}"
    note = (
        f"Refused (`{cell.verdict}`): {cell.why}." if isinstance(cell, Refused) else f"{cell.why}."
    )
    note = note[0].upper() + note[1:]
    if note not in notes:
        notes.append(note)
    sign = "refused" if isinstance(cell, Refused) else "·"
    return f"{sign} <sup>{notes.index(note) + 1}</sup>"


def meanings() -> str:
    lines = [f"| {happening.replace('_', ' ')} | {text} |" for happening, text in MEANING.items()]
    return "\n".join(["| | what happens |", "|---|---|", *lines])


def page(text: str) -> str:
    """The page with what is generated in it made anew; the rest of `text` stays."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    parts = [f"```mermaid\n{diagram()}\n```", meanings(), cells()]
    return f"{head}{BEGIN}\n" + "\n\n".join(parts) + f"\n{END}{tail}"
