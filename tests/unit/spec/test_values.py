from __future__ import annotations

import re

import pytest

from tmaxd.spec.addresses import http_mistake, tcp_mistake
from tmaxd.spec.expand import expand
from tmaxd.spec.problems import Problem, excerpt, render
from tmaxd.spec.suggest import closest, suggest_name
from tmaxd.spec.units import Duration
from tmaxd.spec.values import (
    DEADLINE,
    PERCENT,
    POSITIVE,
    Deadline,
    decode,
    parse_duration,
    parse_size,
    show_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("1ms", 0.001),
        ("30s", 30.0),
        ("5m", 300.0),
        ("2h", 7200.0),
        ("1d", 86400.0),
        ("1m30s", 90.0),
        ("1d2h3m4s5ms", 93784.005),
        ("0s", 0.0),
        ("999999d", 86399913600.0),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert float(parse_duration(text)) == seconds
    assert bool(re.search(POSITIVE, text)) is (seconds > 0)


@pytest.mark.parametrize(
    "text", ["", "s", "5", "1.5s", "-1s", "30s1m", "1s1s", "5 s", "30s\n", "1000000s"]
)
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


def test_a_deadline_may_be_now_or_never() -> None:
    for text, seconds in (("0s", 0.0), ("5m", 300.0), ("never", float("inf"))):
        assert re.search(DEADLINE, text)
        assert decode(Deadline, text) == Duration(seconds)
    for text in ("", "Never", "never\n", "never5s", "5"):
        assert not re.search(DEADLINE, text)
        with pytest.raises(ValueError, match="not a duration"):
            decode(Deadline, text)


def test_parts() -> None:
    assert all(re.search(PERCENT, text) for text in ("0%", "7%", "99%", "100%"))
    assert not any(re.search(PERCENT, text) for text in ("", "%", "07%", "101%", "1%\n", "1.5%"))


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("80", True),
        ("65535", True),
        ("localhost:1", True),
        ("10.0.0.7:8080", True),
        ("a-b.example_c:80", True),
        ("[::1]:80", True),
        ("[fe80::1%eth0]:80", True),
        ("", False),
        ("0", False),
        ("65536", False),
        ("localhost", False),
        ("localhost:", False),
        (":80", False),
        ("::1:80", False),
        ("-a:80", False),
        ("a:80\n", False),
        ("a:80:80", False),
        ("٣:80", False),
        ("a:٣", False),
    ],
)
def test_addresses(text: str, good: bool) -> None:
    assert (tcp_mistake(text) is None) is good


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("http://localhost", True),
        ("HTTP://localhost:8080/a?b=c", True),
        ("http://[::1]/", True),
        ("http://a?b", True),
        ("https://localhost", False),
        ("http://", False),
        ("http:///x", False),
        ("http://a:0", False),
        ("http://a:99999/", False),
        ("http://u:p@a/", False),
        ("http://a/b c", False),
        ("http://a/b\n", False),
        ("http://a/é", False),
        ("ftp://a", False),
    ],
)
def test_urls(text: str, good: bool) -> None:
    assert (http_mistake(text) is None) is good


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (4096, 4096),
        ("4096", 4096),
        ("64KiB", 65536),
        ("2GiB", 2 << 30),
        ("5KB", 5000),
        ("1MB", 10**6),
        (0, 0),
    ],
)
def test_sizes(value: str | int, size: int) -> None:
    assert parse_size(value) == size


@pytest.mark.parametrize("value", ["", "KiB", "4 KiB", "4kib", "-1", -1, "1.5MiB", "4096\n", 10**9])
def test_no_sizes(value: str | int) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size(value)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0"), (1, "1"), (4096, "4KiB"), (1 << 20, "1MiB"), (1500, "1500")]
)
def test_showing_sizes(size: int, text: str) -> None:
    assert show_size(size) == text
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [
        ("cuont", ["count", "cwd"], "count"),
        ("Count", ["count", "cwd"], "count"),
        ("env-file", ["env", "env_file"], "env_file"),
        ("replicas", ["count", "run"], "count"),
        ("replicas", ["run"], None),
        ("xyzzy", ["count"], None),
    ],
)
def test_closest(word: str, known: list[str], near: str | None) -> None:
    assert closest(word, known) == near


@pytest.mark.parametrize(
    ("word", "what", "name"),
    [
        ("My_Group", "group", "my-group"),
        ("myGroup2", "group", "my-group2"),
        ("9-lives", "group", "lives"),
        ("a--b-", "group", "a-b"),
        ("!!", "group", None),
        ("x" * 50, "group", "x" * 40),
        ("my-var", "variable", "my_var"),
        ("1st", "variable", "_1st"),
        ("名", "variable", None),
    ],
)
def test_suggested_names(word: str, what: str, name: str | None) -> None:
    assert suggest_name(word, what) == name


def test_where_a_reference_is_wrong() -> None:
    text, troubles = expand("a ${A} ${B:-x} ${C", {}, 100)
    assert text == "a ${A} x ${C"
    assert [(t.offset, t.text, t.unset) for t in troubles] == [(2, "${A}", "A"), (15, "${C", None)]


def test_render() -> None:
    problem = Problem(
        file="tmax.yaml",
        line=7,
        column=5,
        key="workers.check.cuont",
        message="unknown key",
        allowed="count, cwd",
        nearest="count",
        source="    cuont: 4",
        caret=4,
    )
    assert render(problem) == (
        "tmax.yaml:7:5: workers.check.cuont: unknown key\n"
        "    7 |     cuont: 4\n"
        "      |     ^\n"
        "  did you mean `count`? allowed: count, cwd"
    )


def test_the_caret_stands_under_its_character() -> None:
    line, caret = excerpt("\tkey: 名前 e\u0301 X", 12)
    assert line[caret] == "X"
    problem = Problem(file="f", line=1, column=13, message="m", source=line, caret=caret)
    assert render(problem).splitlines()[2] == "      | " + " " * 13 + "^"


@pytest.mark.parametrize("column", [0, 59, 60, 500, 999])
def test_long_lines_are_cut_around_the_place(column: int) -> None:
    text = "".join(chr(ord("a") + i % 26) for i in range(1000))
    line, caret = excerpt(text, column)
    assert line[caret] == text[column]
    assert len(line) <= 122
