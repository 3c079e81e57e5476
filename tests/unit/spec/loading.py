"""Specs from dictionaries of files instead of a disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tmaxd.spec.load import Loaded, Rejected, load
from tmaxd.spec.model import Spec
from tmaxd.spec.problems import render

HOME = "/home/user"
HEAD = "version: 1\nfleet: demo\n"


def load_files(
    files: Mapping[str, str | bytes], env: Mapping[str, str] | None = None
) -> Loaded | Rejected:
    """`files` by name below /fleet; `tmax.yaml` is the main one."""

    def read(path: Path) -> bytes:
        name = str(path.relative_to("/fleet"))
        if name not in files:
            raise FileNotFoundError(2, "No such file or directory", str(path))
        content = files[name]
        return content if isinstance(content, bytes) else content.encode()

    return load(Path("/fleet/tmax.yaml"), read, env or {}, HOME)


def spec_of(main: str, env: Mapping[str, str] | None = None, **others: str) -> Spec:
    """The spec of a valid file; `others` by name with `_` for the dot (`more_yaml`)."""
    return loaded({"tmax.yaml": HEAD + main, **_named(others)}, env).spec


def loaded(files: Mapping[str, str | bytes], env: Mapping[str, str] | None = None) -> Loaded:
    outcome = load_files(files, env)
    assert isinstance(outcome, Loaded), problems_text(outcome)
    return outcome


def rejected(main: str, env: Mapping[str, str] | None = None, **others: str) -> str:
    """The rendered problems of an invalid file."""
    outcome = load_files({"tmax.yaml": HEAD + main, **_named(others)}, env)
    assert isinstance(outcome, Rejected), "the file was accepted"
    return problems_text(outcome)


def problems_text(outcome: Rejected) -> str:
    return "\n".join(render(problem) for problem in outcome.problems)


def _named(files: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "."): text for name, text in files.items()}
