"""Includes and env files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.spec.loading import HEAD, load_files, loaded, problems_text, rejected
from tmaxd.spec.env_file import parse_env
from tmaxd.spec.load import Rejected
from tmaxd.spec.model import Group
from tmaxd.spec.problems import Problem
from tmaxd.spec.source import Source


def values_of(group: Group) -> dict[str, str]:
    assert group.env_file is not None
    assert group.env_file.values is not None
    return dict(group.env_file.values)


def test_paths_are_relative_to_the_file_they_stand_in() -> None:
    outcome = loaded(
        {
            "tmax.yaml": HEAD + "include: [sub/a.yaml]\nworkers: {m: {run: [x], cwd: w}}",
            "sub/a.yaml": "version: 1\ninclude: b.yaml\n"
            "workers: {a: {run: [x], cwd: ., env_file: a.env}, d: {run: [x]}}",
            "sub/b.yaml": "workers: {b: {run: [x], cwd: ../w}}\npipes: {capacity: 4096}",
            "sub/a.env": "A=1",
        }
    )
    spec = outcome.spec
    assert {name: group.cwd for name, group in spec.workers.items()} == {
        "m": "/fleet/w",
        "a": "/fleet/sub",
        "d": "/fleet",
        "b": "/fleet/sub/../w",
    }
    assert values_of(spec.workers["a"]) == {"A": "1"}
    assert spec.pipes.capacity == 4096
    assert [str(path.relative_to("/fleet")) for path in outcome.sources] == [
        "tmax.yaml",
        "sub/a.yaml",
        "sub/b.yaml",
        "sub/a.env",
    ]


def test_a_file_that_two_include_counts_once() -> None:
    outcome = loaded(
        {
            "tmax.yaml": HEAD + "include: [a.yaml, b.yaml]",
            "a.yaml": "include: ./c.yaml",
            "b.yaml": "include: sub/../c.yaml",
            "c.yaml": "workers: {c: {run: [x]}}",
        }
    )
    assert list(outcome.spec.workers) == ["c"]


def test_defaults_of_included_files_lie_below() -> None:
    group = loaded(
        {
            "tmax.yaml": HEAD
            + "include: [a.yaml, b.yaml]\ndefaults: {env: {M: main, U: null}}\nworkers: {w: {run: [x]}}",
            "a.yaml": "defaults: {env: {M: a, A: a, B: a, U: a}, stop: {signal: INT}}",
            "b.yaml": "defaults: {env: {M: b, B: b}, stop: null}",
        }
    ).spec.workers["w"]
    assert group.env == {"M": "main", "A": "a", "B": "b"}
    assert group.stop.signal == "TERM"


def test_a_long_chain_of_includes_ends() -> None:
    files = {f"{i}.yaml": f"include: {i + 1}.yaml" for i in range(100)}
    outcome = load_files({"tmax.yaml": HEAD + "include: 0.yaml\nworkers: {}", **files})
    assert isinstance(outcome, Rejected)
    assert "more than 64 files" in problems_text(outcome)


def test_a_missing_file_is_still_a_source() -> None:
    outcome = load_files(
        {"tmax.yaml": HEAD + "include: a.yaml\nworkers: {a: {run: [x], env_file: e}}"}
    )
    assert isinstance(outcome, Rejected)
    assert outcome.sources == (
        Path("/fleet/tmax.yaml"),
        Path("/fleet/a.yaml"),
        Path("/fleet/e"),
    )


def test_env_files_lie_below_env_and_later_ones_win() -> None:
    group = loaded(
        {
            "tmax.yaml": HEAD
            + "defaults: {env: {D: d, B: d}, env_file: unread.env}\n"
            + "workers: {a: {run: [x], env: {C: own}, env_file: [1.env, 2.env]}}",
            "1.env": "A=1\nB=1\nC=1",
            "2.env": "A=2",
        }
    ).spec.workers["a"]
    assert values_of(group) | group.env == {"A": "2", "B": "d", "C": "own", "D": "d"}


def test_messages_about_env_files_show_no_value() -> None:
    text = rejected(
        "workers: {a: {run: [x], env_file: a.env}}",
        a_env="A='geheim\nTMAX_X=geheim\ngeheim\n1=geheim",
    )
    assert "a.env:1:3" in text
    assert "geheim" not in text
    binary = load_files(
        {"tmax.yaml": HEAD + "workers: {a: {run: [x], env_file: a.env}}", "a.env": b"A=geheim\xff"}
    )
    assert isinstance(binary, Rejected)
    assert "a.env:1:9: byte 0xff is not UTF-8" in problems_text(binary)
    assert "geheim" not in problems_text(binary)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=plain", "plain"),
        ("export A=plain", "plain"),
        ("  A=  spaces around  ", "spaces around"),
        ("A=", ""),
        ("A=a=b", "a=b"),
        ("A=a#b", "a#b"),
        ("A=a # comment", "a"),
        ("A=# comment", ""),
        ("A='a # b'", "a # b"),
        ("A='a\\n' # comment", "a\\n"),
        ('A="a\\n\\t\\"\\\\\\$\\x"', 'a\n\t"\\$\\x'),
        ("A=${HOME}", "${HOME}"),
        ("A=it's", "it's"),
        ("A=a\r", "a"),
        ("A=名前", "名前"),
    ],
)
def test_env_lines(line: str, value: str) -> None:
    found: list[Problem] = []
    assert parse_env(Source("e", Path("/e"), line), "k", found.append) == {"A": value}
    assert found == []


@pytest.mark.parametrize(
    "line", ["A", "=x", "A =x", "A='x", 'A="x', "A='x'y", 'A="x\\"', "1A=x", "TMAX_A=x", "A-B=x"]
)
def test_bad_env_lines(line: str) -> None:
    found: list[Problem] = []
    assert parse_env(Source("e", Path("/e"), "\n" + line), "k", found.append) == {}
    assert [problem.line for problem in found] == [2]


def test_comments_and_empty_lines_in_env_files() -> None:
    found: list[Problem] = []
    source = Source("e", Path("/e"), "# a\n\n   # b\nA=1\n\t\nA=2\n")
    assert parse_env(source, "k", found.append) == {"A": "2"}
    assert found == []
