"""Groups that are named somewhere: that there are such, and each once."""

from __future__ import annotations

from collections.abc import Collection

from tmaxd.spec.gather import Document, Gathered, Report
from tmaxd.spec.problems import dotted, show
from tmaxd.spec.tree import Path

_GUESSES = 20
"""So many names that lead nowhere get a suggestion; each is compared with every group."""


def check_groups(
    gathered: Gathered,
    document: Document,
    path: Path,
    value: str | tuple[str, ...],
    groups: Collection[str],
    report: Report,
) -> None:
    """`value` stands at `path`: one name, or a list of them."""
    named = (value,) if isinstance(value, str) else value
    for i, name in enumerate(named):
        place = path if isinstance(value, str) else (*path, i)
        mark = document.at(*place)
        if name in named[:i]:
            report(mark.problem(dotted(place), f"{show(name)} stands here twice"))
        elif name not in groups and not gathered.partial and place not in document.troubled:
            near = None
            if i < _GUESSES:
                from tmaxd.spec.suggest import closest  # difflib, 6 ms only for a mistake

                near = closest(name, sorted(groups)[:1000])
            report(mark.problem(dotted(place), f"there is no group {show(name)}", nearest=near))
