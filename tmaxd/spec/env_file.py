"""Env files: `KEY=value` lines, as a shell would read them where both agree.

A line may begin with `export `; `#` begins a comment at the start of a line or after a blank. In single
quotes everything is literal, in double quotes `\\n \\t \\r \\" \\\\ \\$` are escapes. Values are never
expanded and do not go over lines. Messages never show a value: these files hold secrets.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tmaxd.spec.problems import Problem
from tmaxd.spec.source import Mark, Source
from tmaxd.spec.values import ENV_NAME

_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[^\s=#'\"]+)=(?P<value>.*)")
_BLANK = re.compile(r"\s*(?:#.*)?")
_SINGLE = re.compile(r"'(?P<text>[^']*)'\s*(?:\s#.*)?")
_DOUBLE = re.compile(r'"(?P<text>(?:[^"\\]|\\.)*)"\s*(?:\s#.*)?')
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "$": "$"}


def parse_env(source: Source, key: str, report: Callable[[Problem], None]) -> dict[str, str]:
    """The variables, later ones over earlier ones. `key` is the spec's key that names the file."""
    variables: dict[str, str] = {}
    for number, line in enumerate(source.text.split("\n")):
        if _BLANK.fullmatch(line):
            continue
        mark = Mark(source, number, len(line) - len(line.lstrip()))
        found = _LINE.fullmatch(line.rstrip())
        if found is None:
            report(mark.problem(key, "expected a line KEY=value"))
            continue
        name = found["name"]
        if not re.search(ENV_NAME, name):
            report(mark.problem(key, _bad_name(name)))
            continue
        value = _value(found["value"].strip())
        if value is None:
            place = mark._replace(column=found.start("value"))
            report(place.problem(key, f"the quotes of {name} do not fit; a value ends on its line"))
            continue
        variables[name] = value
    return variables


def _bad_name(name: str) -> str:
    if name.startswith("TMAX_"):
        return "names that begin with TMAX_ are set by tmaxd itself"
    return "the text before `=` is no variable name: letters, digits and `_`, no digit first"


def _value(text: str) -> str | None:
    if text.startswith("'"):
        found = _SINGLE.fullmatch(text)
        return found["text"] if found else None
    if text.startswith('"'):
        found = _DOUBLE.fullmatch(text)
        return re.sub(r"\\(.)", _unescape, found["text"]) if found else None
    return re.split(r"(?:^|\s)#", text, maxsplit=1)[0].rstrip()


def _unescape(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[1], found[0])
