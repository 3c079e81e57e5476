"""The two validators accept and refuse the same; and no text at all gets more than a refusal."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import msgspec
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.unit.spec.good import GOOD
from tests.unit.spec.loading import HEAD, load_files
from tmaxd.spec.compose import compose
from tmaxd.spec.file_model import PartFile, SpecFile
from tmaxd.spec.load import Loaded
from tmaxd.spec.plain import Plainer
from tmaxd.spec.problems import Problem, render
from tmaxd.spec.schema import checker
from tmaxd.spec.source import Source
from tmaxd.spec.validate import typed

NAMES = [
    *(
        "a",
        "A",
        "a-b",
        "-a",
        "a-",
        "a_b",
        "9a",
        "A_B",
        "TMAX_A",
        "_",
        "x-a",
        "run",
        "serve",
        "task",
    ),
    *("count", "env", "to", "stop", "signal", "after", "retry", "timeout", "window", "version"),
    *("fleet", "workers", "pipes", "capacity", "from", "max_hops", "balance", "lease", "layout"),
    *("never", "shared", "any", "after", "on", "ended", "*", "ready", "output", "health"),
    *("memory", "for", "total", "kill", "max_age", "jitter", "cleanup", "what", "ttl", "store"),
    *("namespaces", "a/b", "a/", "a/*", "flags", "batching", "files", "apply", "logs"),
]
TEXTS = [
    *("", "\n", "a\n", "30s\n", "30s", "0s", "0m0s", "1m30s", "30s1m", "500ms", "1.5s", "s", "１s"),
    *("64KiB", "64kb", "4096", "9999999999", "TERM", "term", "dedicated", "a" * 40, "a" * 41),
    *("never\n", "never1s", "nevers", "30snever", "sticky"),
    *("100%", "101%", "0%", "25%\n", "25 %", "ended\n", "x" * 1000, "x" * 1001),
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.sampled_from(
        [
            -1,
            0.1,
            1.5,
            100.5,
            255,
            256,
            65535,
            65536,
            0,
            1,
            2,
            100,
            101,
            1000,
            1001,
            1024,
            1025,
            999_999_999,
            10_000_001,
            10**9,
            10**18 - 1,
        ]
    )
    | st.sampled_from([*TEXTS, *NAMES])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value if isinstance(value, list) else ())
    )
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """The good file with some values replaced, removed or added."""
    data: Any = copy.deepcopy(GOOD)
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(places(data)))
        if not path:
            continue
        holder = data
        for part in path[:-1]:
            holder = holder[part]
        action = draw(st.sampled_from(["replace", "remove", "add"]))
        if action == "remove":
            del holder[path[-1]]
        elif action == "add" and isinstance(holder, dict):
            holder[draw(st.sampled_from(NAMES))] = draw(VALUES)
        else:
            holder[path[-1]] = draw(VALUES)
    return data


def msgspec_accepts(data: Any, model: type[PartFile]) -> bool:
    try:
        typed(data, model)
    except msgspec.ValidationError:
        return False
    return True


CHECKERS = {model: Draft202012Validator(checker(model)) for model in (SpecFile, PartFile)}


@settings(max_examples=400, deadline=None)
@given(mutated() | VALUES, st.sampled_from([SpecFile, PartFile]))
def test_the_validators_agree(data: Any, model: type[PartFile]) -> None:
    assert msgspec_accepts(data, model) == CHECKERS[model].is_valid(data)


def test_the_good_file_is_good() -> None:
    assert msgspec_accepts(GOOD, SpecFile)


EXAMPLE = (Path(__file__).parents[3] / "examples" / "tmax.yaml").read_text()
SNIPPETS = st.sampled_from(
    [
        *(
            "{",
            "}",
            "[",
            "]",
            ":",
            ": ",
            "- ",
            "\n",
            "  ",
            "\t",
            "&a ",
            "*a",
            "<<: ",
            "${",
            "${X}",
            "'",
        ),
        *(
            '"',
            "#",
            "|\n",
            "!!str ",
            "? ",
            "---\n",
            "null",
            "0",
            "é",
            "\u2028",
            "\x85",
            "\\",
            "%",
            "@",
        ),
        *("`", ",", "1"),
    ]
)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    text = EXAMPLE
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 0, 1, 3, 40])))
        text = text[:start] + draw(SNIPPETS) + text[end:]
    return text


def check(content: str | bytes) -> None:
    outcome = load_files({"tmax.yaml": content})
    problems = outcome.warnings if isinstance(outcome, Loaded) else outcome.problems
    assert isinstance(outcome, Loaded) or problems
    for problem in problems:
        assert problem.line >= 1
        assert problem.column >= 1
        assert msgspec.json.decode(msgspec.json.encode(problem), type=Problem) == problem
        assert render(problem).isprintable() or "\n" in render(problem)


@settings(max_examples=150, deadline=None)
@given(damaged())
def test_a_damaged_file_is_loaded_or_refused(text: str) -> None:
    check(text)


@settings(max_examples=100, deadline=None)
@given(
    st.binary(max_size=60)
    | st.text(max_size=60).map(lambda t: (HEAD + t).encode("utf-8", "replace"))
)
def test_noise_is_loaded_or_refused(content: bytes) -> None:
    check(content)


def test_a_file_cut_off_anywhere_is_loaded_or_refused() -> None:
    for end in range(0, len(EXAMPLE), 7):
        check(EXAMPLE[:end])


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="$\0"), max_size=8)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(DATA, st.booleans())
def test_yaml_is_read_as_pyyaml_reads_it(data: Any, flow: bool) -> None:
    text = yaml.safe_dump(data, allow_unicode=True, default_flow_style=flow)
    found: list[Problem] = []
    root = compose(Source("x", Path("/x"), text), found.append)
    assert Plainer({}, "/", found.append).data(root, "value") == yaml.safe_load(text)
    assert found == []
