"""`tmaxctl events`: which are shown, how, and each of them once, over as many daemons as it takes."""

from __future__ import annotations

import json
import signal

import msgspec
import pytest

from tests.ctl.fake_orders import event
from tests.ctl.fake_story import START
from tests.ctl.harness import Home, Running, conforms, daemon
from tests.ctl.test_away import AWAY, going, line_of
from tmaxd.ctl.event_words import short, told
from tmaxd.ctl.render_events import line
from tmaxd.daemon.api.types import Event
from tmaxd.spec.event_names import MEANINGS

CRASH = event(
    7,
    "ended",
    worker="check-1",
    group="check",
    level="warning",
    reason="crashed",
    fields={"status": 3},
    count=17,
)


def built(found: Event) -> dict[str, object]:
    value: dict[str, object] = msgspec.to_builtins(found)
    return value


@pytest.mark.parametrize(
    ("found", "in_short", "in_words"),
    [
        (CRASH, "ended: crashed (exit status 3) ×17", "crashed (exit status 3) ×17"),
        (
            event(1, "started", reason="spec_changed", fields={"pid": 7, "fields": ["run", "cwd"]}),
            "started: spec_changed (pid 7; run, cwd changed)",
            "was started, because what it runs was changed (pid 7; run, cwd changed)",
        ),
        (
            event(1, "ended", reason="operator_stop", fields={"signal": 15}),
            "ended: operator_stop (signal 15)",
            "was stopped, because somebody ordered its stop (signal 15)",
        ),
        (
            event(1, "unhealthy", fields={"probe": "http", "text": "  GET /: refused\n  body"}),
            "unhealthy: GET /: refused …",
            "became unhealthy: GET /: refused …",
        ),
        (
            event(1, "ordered", fields={"order": "scale", "targets": ["check"], "count": 6}),
            "ordered (scale check to 6)",
            "somebody ordered: scale check to 6",
        ),
        (
            event(
                1,
                "mass_death",
                reason="mass_death",
                fields={"died": 9, "living": 1, "workers": [*"abcdefghi"]},
            ),
            "mass death: mass_death (9 workers, 1 live on: a, b, c, d, e and 4 more)",
            "died together with many others (9 workers, 1 live on: a, b, c, d, e and 4 more)",
        ),
        (
            event(1, "mass_death", reason="rebooted", fields={"died": 2, "workers": ["a", "b"]}),
            "mass death: rebooted (2 workers, 0 live on: a, b)",
            "died together with many others, because the machine was started anew "
            "(2 workers, 0 live on: a, b)",
        ),
        (
            event(
                1,
                "revived",
                reason="server_died",
                fields={
                    "died": 3,
                    "up": 2,
                    "took": 60.0,
                    "left": ["c"],
                    "workers": ["a", "b", "c"],
                },
            ),
            "revived: server_died (2 of 3 workers up after 1m00s; not up: c)",
            "was started again, with all others that had died "
            "(2 of 3 workers up after 1m00s; not up: c)",
        ),
        (
            event(1, "signal", fields={"signal": "TERM", "pids": [7, 8], "hangup": [8]}),
            "signal (TERM; to 7, 8; and SIGHUP to 8, which ignored it)",
            "was sent a signal (TERM; to 7, 8; and SIGHUP to 8, which ignored it)",
        ),
        (
            event(1, "quarantined", reason="crash_limit", fields={"retry_in": 600.0}),
            "quarantined: crash_limit (next try in 10m00s)",
            "is in quarantine: tried seldom, because it crashed too often (next try in 10m00s)",
        ),
        (
            event(1, "of_tomorrow", reason="new", fields={"colour": "red"}),
            "of tomorrow: new (colour red)",
            "of tomorrow, because new (colour red)",
        ),
    ],
)
def test_in_words(found: Event, in_short: str, in_words: str) -> None:
    assert short(built(found)) == in_short
    assert told(built(found)) == in_words


def test_every_event_can_be_told() -> None:
    for name in MEANINGS:
        assert told(built(event(1, name)))


def test_a_line_fits_the_terminal_and_obeys_nobody() -> None:
    evil = event(7, "pipe_trouble", worker="check-1", fields={"text": "\x1b[2J" + "x" * 200})
    shown = line(built(evil), lambda _: "08:00:00", width=80)
    assert shown.startswith("     7  08:00:00  check-1     pipe trouble: \\e[2Jxxx")
    assert (len(shown), shown[-1]) == (80, "…")


def test_the_list(home: Home, running: Running) -> None:
    assert home.ctl("events").err == "no events\n"
    running.fleet.happened = [event(1, "api_open"), CRASH]
    done = home.ctl("events")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "     1  11-14 22:13:21  -           api open\n"
        "     7  11-14 22:13:27  check-1     ended: crashed (exit status 3) ×17\n"
    )
    values = [json.loads(text) for text in home.ctl("events", "-o", "json").out.splitlines()]
    assert [value["seq"] for value in values] == [1, 7]
    for value in values:
        conforms(value, "Event")


def seqs(home: Home, *args: str) -> list[int]:
    return [json.loads(x)["seq"] for x in home.ctl("events", *args, "-o", "json").out.splitlines()]


def test_which_are_shown(home: Home, running: Running) -> None:
    running.fleet.happened = [
        *(event(n, worker="check-1", group="check") for n in range(1, 1101)),
        event(1101, "hold", worker="shell-1", group="shell"),
    ]
    assert seqs(home) == list(range(1052, 1102))
    assert home.ctl("events").err == "earlier ones: tmaxctl events --since 0\n"
    assert seqs(home, "--since", "0") == list(range(1, 1102)), "more than one page"
    assert seqs(home, "--last", "2") == [1100, 1101]
    assert seqs(home, "--since", "1100", "--last", "9") == [1101]
    assert seqs(home, "--worker", "shell-1") == seqs(home, "--event", "stop,hold") == [1101]
    assert seqs(home, "--group", "check", "--last", "1") == [1100]
    wrong = home.ctl("events", "--event", "reddy")
    assert (wrong.code, wrong.err) == (
        2,
        "tmaxctl: there is no event `reddy`; did you mean ready? (docs/events.md has them all)\n",
    )
    assert "did you mean worker_crashed?" in home.ctl("events", "--event", "crashed").err


def test_names_that_are_not_there(home: Home, running: Running) -> None:
    running.fleet.happened = [event(1, "removed", worker="gone-1", group="gone")]
    wrong = home.ctl("events", "-f", "--worker", "chekc-1")
    assert (wrong.code, wrong.err) == (
        1,
        "tmaxctl: there is no worker `chekc-1`; did you mean check-1?\n",
    )
    assert "did you mean check?" in home.ctl("events", "--group", "chek").err
    assert seqs(home, "--worker", "gone-1") == seqs(home, "--group", "gone") == [1]


def test_a_kind_of_event(home: Home, running: Running) -> None:
    running.fleet.happened = [
        event(1, "ended", worker="check-1", reason="crashed"),
        event(2, "ended", worker="check-2", reason="crashed"),
        event(3, "ended", worker="check-1", reason="operator_stop"),
    ]
    assert seqs(home, "--event", "worker_crashed") == [1, 2]
    assert seqs(home, "--event", "worker_crashed", "--last", "1") == [2]
    assert seqs(home, "--event", "worker_crashed,ended", "--last", "1") == [3]
    assert seqs(home, "--event", "worker_crashed", "--since", "1") == [2]


def test_following(home: Home) -> None:
    """The last ones, then what comes; over the end of a daemon, with nothing twice and nothing left out."""
    home.write()
    old = [event(n) for n in range(1, 6)]
    with daemon(home) as first:
        first.fleet.happened = list(old)
        with going(home, "events", "-f", "--last", "2", "-o", "json") as process:
            assert process.stdout is not None

            def next_one() -> int:
                assert process.stdout is not None
                return int(json.loads(process.stdout.readline())["seq"])

            assert [next_one(), next_one()] == [4, 5]
            first.call(lambda: first.fleet.happen(event(6)))
            assert next_one() == 6
            first.stop()
            assert line_of(process) == AWAY
            with daemon(home) as second:
                second.call(lambda: second.fleet.happen(*old, event(6), event(7)))
                assert next_one() == 7
                second.call(lambda: second.fleet.happen(event(8), event(9)))
                assert [next_one(), next_one()] == [8, 9]
                process.send_signal(signal.SIGINT)
                out, _ = process.communicate(timeout=10)
    assert (process.returncode, out) == (0, b"")


def test_following_where_the_numbers_begin_anew(home: Home) -> None:
    """The state was lost between two daemons."""
    home.write()
    with daemon(home) as first:
        first.fleet.happened = [event(500)]
        with going(home, "events", "-f", "-o", "json") as process:
            assert process.stdout is not None
            assert b'"seq": 500' in process.stdout.readline()
            first.until(lambda: first.fleet.followers > 0)
            first.stop()
            line_of(process)
            with daemon(home) as second:
                second.call(lambda: second.fleet.happen(event(1)))
                assert b'"seq": 1,' in process.stdout.readline()
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=10)


def test_only_what_comes(home: Home, running: Running) -> None:
    running.fleet.happened = [event(1)]
    with going(home, "events", "-f", "--last", "0", "--event", "hold") as process:
        assert process.stdout is not None
        running.until(lambda: running.fleet.followers > 0)
        running.call(lambda: running.fleet.happen(event(2), event(3, "hold", at=START)))
        assert process.stdout.readline() == b"     3  11-14 22:13:20  -           hold\n"
    both = home.ctl("events", "-f", "--since", "1", "--last", "1")
    assert both.code == 2
