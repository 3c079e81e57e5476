"""Globs below a root, by tables: which names they match, and which folders have to be looked into."""

from __future__ import annotations

import pytest

from tmaxd.world.globs import Globs, parts_below

CASES = [
    # glob below the root, paths that match, paths that do not
    ("*.log", ["a.log", "x y\n.log"], ["a.txt", "d/a.log", ".log", ".a.log"]),
    (".*.log", [".a.log"], ["a.log"]),
    ("d/*", ["d/a"], ["d", "d/.a", "e/a", "d/a/b"]),
    ("d?/[ab]", ["d1/a", "d2/b"], ["d/a", "d1/c", "d12/a"]),
    ("[!a]x", ["bx"], ["ax", ".x"]),
    ("**/*.log", ["a.log", "d/a.log", "d/e/f/a.log"], [".d/a.log", "d/.e/a.log", "a.txt"]),
    ("d/**", ["d/a", "d/e/a"], ["a", "d", "d/.a", "d/.e/a"]),
    ("**/x/**/y", ["x/y", "a/x/y", "x/b/y", "a/x/b/c/y"], ["y", "x/a", "a/y"]),
    ("a/b", ["a/b"], ["a", "a/c", "a/b/c"]),
    ("**/.git/*", [".git/a", "d/.git/a"], ["d/git/a"]),
    ("\udcff*", ["\udcffz"], ["z"]),
    ("A", ["A"], ["a"]),
]


def matches(glob: str, path: str) -> bool:
    globs = Globs([(tuple(glob.split("/")), False)])
    places = globs.begin
    found = None
    for name in path.split("/"):
        names = globs.names(places)
        found = globs.step(places, name)
        if names is not None and name not in names:
            assert tuple(found) == (False, False, frozenset()), "what is not listed cannot match"
        places = found.below
    return found is not None and found.file


@pytest.mark.parametrize(("glob", "right", "wrong"), CASES)
def test_what_a_glob_matches(glob: str, right: list[str], wrong: list[str]) -> None:
    assert [path for path in right if not matches(glob, path)] == []
    assert [path for path in wrong if matches(glob, path)] == []


def test_several_globs_in_one_walk() -> None:
    globs = Globs([(("d", "*"), False), (("d", "**"), True), (("e",), False)])
    assert globs.names(globs.begin) == frozenset({"d", "e"}), "literal names need no listing"
    assert globs.step(globs.begin, "e") == (True, False, frozenset())
    assert globs.step(globs.begin, "f") == (False, False, frozenset())
    inside = globs.step(globs.begin, "d")
    assert (inside.file, inside.folder) == (False, False)
    assert globs.names(inside.below) is None
    found = globs.step(inside.below, "x")
    assert (found.file, found.folder) == (True, True)


@pytest.mark.parametrize(
    ("root", "glob", "parts"),
    [
        ("/data", "/data/x/*", ("x", "*")),
        ("/data/", "/data//x/", ("x",)),
        ("/data", "/data", None),
        ("/data", "/database/x", None),
        ("/data", "/*/x", None),
        ("/data", "/data/../etc/x", None),
        ("/data", "data/x", None),
        ("/data/x", "/data/*/y", None),
    ],
)
def test_a_glob_lies_in_its_root_word_by_word(
    root: str, glob: str, parts: tuple[str, ...] | None
) -> None:
    assert parts_below(root, glob) == parts
