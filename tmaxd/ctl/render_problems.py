"""Problems of a spec as lines: errors, for which it is refused, and warnings, which hold up nothing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from tmaxd.ctl.text import Paint, clean

Kind = Literal["error", "warning"]

STYLES: Mapping[Kind, str] = {"error": "red", "warning": "yellow"}


def problem(report: Mapping[str, Any], kind: Kind, paint: Paint) -> list[str]:
    """The kind stands behind the place, as compilers write it, so that editors find the place."""
    first, *rest = str(report["text"]).splitlines() or [""]
    place = f"{report['file']}:{report['line']}:{report['column']}: "
    where = place if first.startswith(place) else ""
    first = f"{where}{kind}: {first.removeprefix(where)}"
    return [paint(STYLES[kind], clean(first)), *map(clean, rest)]
