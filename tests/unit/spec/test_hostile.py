"""Files that attack the loader: each is refused with a message, at once."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest

from tests.unit.spec.loading import HEAD, load_files
from tmaxd.spec import compose
from tmaxd.spec.load import Rejected
from tmaxd.spec.source import MAX_FILE_BYTES

MIB = 1024 * 1024
BOMB = "x-a:\n - &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f" - &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 60)
)

CASES: Mapping[str, tuple[str | bytes, str]] = {
    "ten megabytes": ("x" * 10 * MIB, "larger than 1 MiB"),
    "binary": (bytes(range(256)) * 16, "NUL byte"),
    "NUL in text": (HEAD + "workers: {}\n# \0\n", "NUL byte"),
    "latin 1": ("fleet: caf\xe9\n".encode("latin-1"), "byte 0xe9 is not UTF-8"),
    "utf 16": ("version: 1".encode("utf-16"), "UTF-16"),
    "escape sequence": (HEAD + "# \x1b[2J\n", "U+001B"),
    "bomb": (HEAD + BOMB, "100,000 values"),
    "bomb of text": (
        HEAD + f"x-a: &a {'z' * 500_000}\nworkers: {{a: {{run: [{', '.join(['*a'] * 50_000)}]}}}}",
        "4,194,304 characters",
    ),
    "bomb of references": (
        HEAD + f"workers: {{a: {{run: ['{'${BIG}' * 100_000}']}}}}",
        "4,194,304 characters",
    ),
    "bomb of defaults": (
        HEAD
        + "defaults: {env: {"
        + ", ".join(f"K{i}: {'v' * 30}" for i in range(15_000))
        + "}}\nworkers:\n"
        + "".join(f"  g{i}: {{run: [a], count: 0}}\n" for i in range(5_000)),
        "8,388,608 characters",
    ),
    "a chain of aliases": (
        "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 3000)),
        "deeper than 50",
    ),
    "brackets": ("[" * MIB, "deeper than 50"),
    "braces": ("{a: " * (MIB // 4), "deeper than 50"),
    "dashes": ("- " * (MIB // 2), "deeper than 50"),
    "question marks": ("? " * (MIB // 2), "a key must be plain text"),
    "many scalars": ("[" + "a," * 500_000 + "]", "100,000 values"),
    "many groups": (
        HEAD + "workers:\n" + "".join(f"  g{i}: {{run: [a]}}\n" for i in range(30_000)),
        "100,000 values",
    ),
    "many mistakes": (HEAD + "".join(f"k{i}: 1\n" for i in range(40_000)), "unknown key"),
    "many duplicates": (HEAD + "k: 1\n" * 40_000, "a duplicate"),
    "a list that holds itself": ("a: &a [*a]\n", "stands inside"),
    "a mapping merged into itself": ("a: &a {<<: *a}\n", "stands inside"),
    "only newlines": ("\n" * MIB, "the file is empty"),
    "one long line": ("version: " + "x" * (MIB - 100), "expected `1`"),
    "an open quote": ('"' + "a" * (MIB - 10), "a quote that is never closed"),
    "percent signs": ("%" * MIB, "not valid YAML"),
    "a long number": (HEAD + f"workers: {{a: {{run: [x], count: {'9' * 100_000}}}}}", "0 to 1000"),
    "a surrogate": (HEAD + 'workers: {a: {run: ["\\ud800"]}}', "not valid YAML"),
    "a surrogate in a key": (HEAD + '"\\ud800": 1\n', "not valid YAML"),
}


@pytest.mark.parametrize("case", CASES)
def test_refused_at_once(case: str) -> None:
    content, message = CASES[case]
    load_files({"tmax.yaml": "- warm"})  # imports jsonschema, which is not what is measured
    start = time.process_time()
    outcome = load_files({"tmax.yaml": content}, {"BIG": "y" * 100_000})
    seconds = time.process_time() - start
    assert isinstance(outcome, Rejected)
    assert any(message in problem.message for problem in outcome.problems)
    assert len(outcome.problems) <= 201
    assert all(len(problem.source or "") < 200 for problem in outcome.problems)
    assert all(len(problem.message) < 300 for problem in outcome.problems)
    assert seconds < 2  # a tenth of that on an idle machine


def test_more_problems_than_are_shown_is_said() -> None:
    outcome = load_files({"tmax.yaml": HEAD + "".join(f"k{i}: 1\n" for i in range(500))})
    assert isinstance(outcome, Rejected)
    assert len(outcome.problems) == 201
    assert outcome.problems[-1].message == "there are more problems than these 200"
    assert [p.key for p in outcome.problems[:3]] == ["k0", "k1", "k2"]


def test_a_file_of_exactly_the_limit_is_read() -> None:
    text = HEAD + "workers: {}\n"
    text += "#" * (MAX_FILE_BYTES - len(text))
    assert not isinstance(load_files({"tmax.yaml": text}), Rejected)
    assert isinstance(load_files({"tmax.yaml": text + "#"}), Rejected)


def test_the_pure_parser_refuses_bombs_too(monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml

    monkeypatch.setattr(compose, "_Parser", yaml.SafeLoader)
    for case in ("bomb", "brackets", "a list that holds itself", "a chain of aliases"):
        content, message = CASES[case]
        outcome = load_files({"tmax.yaml": content})
        assert isinstance(outcome, Rejected)
        assert message in outcome.problems[0].message
