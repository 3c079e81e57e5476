"""Writes what is generated from the code, or (`--check`) fails when it differs: the schema of the spec file, the API
description, the reference of all keys, the pages of events, of flags and of the doctor's checks, the table of task
states, the manual pages, and the list of files in ARCHITECTURE.md."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from pathlib import Path

import tmaxd
from tmaxd.ctl.doctor import page as doctor_page
from tmaxd.daemon.api import openapi
from tmaxd.manual import ctl_page, daemon_page, spec_page
from tmaxd.spec import event_page, flag_page, reference, schema
from tmaxd.tasks import diagram

ROOT = Path(tmaxd.__file__).resolve().parent.parent
BEGIN, END = "<!-- files: generated -->", "<!-- end of files -->"


def architecture() -> str:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{rooms()}{END}{tail}"


def rooms() -> str:
    lines: list[str] = []
    for folder in sorted({path.parent for path in (ROOT / "tmaxd").rglob("*.py")}):
        name = folder.relative_to(ROOT)
        lines.append(f"### `{name}/`\n\n{first_line(folder / '__init__.py')}\n\n")
        files = sorted(folder.glob("*.py")) + sorted(folder.glob("*.bash"))
        lines.extend(
            f"- `{path.name}`: {first_line(path)}\n" for path in files if path.name != "__init__.py"
        )
        lines.append("\n")
    return "".join(lines)


def first_line(path: Path) -> str:
    """The first sentence of a module's docstring, or of a script's comment."""
    text = path.read_text()
    if path.suffix == ".bash":
        doc = next(line for line in text.splitlines()[1:] if line.startswith("#")).lstrip("# ")
    else:
        doc = ast.get_docstring(ast.parse(text)) or ""
    paragraph = " ".join(doc.split("\n\n")[0].split())
    if not paragraph:
        raise SystemExit(f"{path} has no docstring")
    return paragraph


def task_states() -> str:
    return diagram.page((ROOT / "docs/tasks.md").read_text())


FILES: dict[str, Callable[[], str]] = {
    "schemas/tmax.schema.json": schema.text,
    "schemas/api.openapi.yaml": openapi.text,
    "docs/spec.md": reference.text,
    "docs/events.md": event_page.text,
    "docs/flags.md": flag_page.text,
    "docs/doctor.md": doctor_page.text,
    "docs/tasks.md": task_states,
    "man/tmaxd.1": daemon_page.text,
    "man/tmaxctl.1": ctl_page.text,
    "man/tmax.yaml.5": spec_page.text,
    "ARCHITECTURE.md": architecture,
}


def there(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


def main() -> int:
    stale = [name for name, make in FILES.items() if there(ROOT / name) != make()]
    if "--check" in sys.argv:
        for name in stale:
            print(f"{name} is not what the code says; run: python contrib/dev/generate.py")
        return 1 if stale else 0
    for name in stale:
        (ROOT / name).parent.mkdir(exist_ok=True)
        (ROOT / name).write_text(FILES[name]())
        print(f"wrote {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
