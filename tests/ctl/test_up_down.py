"""`up` and `down` with a stand-in for the daemon, a process of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ctl.harness import ROOT, SPEC, Home, conforms, daemon
from tests.e2e.marks import end_all

SHADOW = ROOT / "tests" / "ctl" / "shadow"


@pytest.fixture
def house(home: Home) -> Iterator[Home]:
    """A home whose `up` starts the stand-in; what it started is ended, also where it does not answer (yet)."""
    home.more_env["PYTHONPATH"] = f"{SHADOW}:{ROOT}"
    try:
        yield home
    finally:
        end_all(f"TMAX_STATE_DIR={home.folder}/s")


def alive(pid: int) -> bool:
    """A zombie, which waits for init to collect it, is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_up_and_down(house: Home) -> None:
    house.write()
    up = house.ctl("up")
    assert (up.code, up.err) == (0, "")
    assert up.out.startswith("fleet demo is up: 3 of 3 workers up, ")
    log = house.places().daemon_log
    assert log.stat().st_mode & 0o777 == 0o600
    assert house.places().state.stat().st_mode & 0o777 == 0o700
    pid = int(house.ctl("status", "-o", "json").json["pid"])
    assert os.getsid(pid) == pid
    down = house.ctl("down")
    assert (down.code, down.err) == (0, "")
    assert down.out.startswith("fleet demo is down (")
    assert not alive(pid)
    assert house.ctl("down").code == 3


def test_up_as_json(house: Home) -> None:
    house.write()
    value = house.ctl("up", "-o", "json").json
    assert (value["fleet"], value["outcome"], value["converged"]) == ("demo", "started", True)
    value = house.ctl("down", "-o", "json").json
    assert (value["fleet"], value["outcome"]) == ("demo", "down")


def test_up_waits_until_converged(house: Home) -> None:
    house.more_env["FAKE_SETTLE"] = "0.5"
    house.write()
    value = house.ctl("up", "-o", "json").json
    assert value["seconds"] >= 0.5


def test_up_gives_up_waiting(house: Home) -> None:
    house.more_env["FAKE_SETTLE"] = "60"
    house.write()
    up = house.ctl("up", "--wait", "4s")
    assert (up.code, up.out) == (4, "")
    assert "has not converged after 4.0s: 3 of 3 workers up; it goes on" in up.err
    assert house.ctl("status").code == 0


@pytest.mark.parametrize(
    ("ends", "word", "lines"),
    [
        ("quarantined", "failed", ["  check-1: quarantined: exit status 3; 5 in a row"]),
        ("failed", "failed", ["  check-1: failed: exit status 3; 5 in a row"]),
        (
            "rolled_back",
            "change_failed",
            [
                "  check was rolled back: revision 7 failed (check-2 was not ready in time); revision 6 "
                "holds for it until the file says something else"
            ],
        ),
    ],
)
def test_up_ends_at_once_where_not_all_comes_up(
    house: Home, ends: str, word: str, lines: list[str]
) -> None:
    house.more_env["FAKE_ENDS"] = ends
    house.write()
    up = house.ctl("up", "--wait", "60s", "-o", "json")
    assert (up.code, up.json["error"]) == (1, word)
    assert up.json["fleet"] == "demo"
    head, *told = up.json["message"].splitlines()
    assert head.startswith("fleet demo runs, and not all of it as the file says: ")
    assert told[: len(lines)] == lines
    assert house.ctl("status").code == 0, "it runs all the same"


def test_up_without_waiting(house: Home) -> None:
    house.more_env["FAKE_SETTLE"] = "60"
    house.write()
    value = house.ctl("up", "--wait", "0s", "-o", "json").json
    assert (value["outcome"], value["converged"]) == ("started", False)


def test_up_when_it_runs_is_a_reload(house: Home) -> None:
    house.write()
    house.ctl("up")
    again = house.ctl("up", "-o", "json")
    assert again.code == 0
    conforms(again.json, "ReloadResult")
    assert again.err == "fleet demo runs already; reloading\n"
    other = house.write(name="other.yaml")
    refused = house.ctl("up", str(other))
    assert refused.code == 1
    assert f"runs already, from {house.folder / 'tmax.yaml'}" in refused.err


def test_up_says_so_where_the_fleet_must_be_named(house: Home) -> None:
    spec = str(house.write(name="elsewhere.yaml"))
    with daemon(house, "other"):
        up = house.ctl("up", spec)
        assert up.code == 0
        assert up.err == (
            "it is not the only one that runs, so name it: `tmaxctl status --fleet demo`, "
            "or TMAX_FLEET=demo\n"
        )
        house.ctl("down", "--fleet", "demo")
        house.more_env["FAKE_SETTLE"] = "60"
        late = house.ctl("up", spec, "--wait", "2s")
        assert late.code == 4
        assert "it goes on (`tmaxctl status --fleet demo`)" in late.err


def test_a_daemon_that_dies_at_once(house: Home) -> None:
    house.write()
    house.places().state.mkdir(parents=True, mode=0o700)
    house.places().daemon_log.write_text("words of an earlier daemon\n")
    house.more_env["FAKE_DIE"] = "the lock is held by 17\x1b[2J"
    up = house.ctl("up", "-o", "json")
    assert up.code == 1
    assert (up.json["error"], up.json["status"]) == ("daemon_died", 7)
    assert up.err.splitlines()[0].startswith("tmaxctl: the daemon ended at once, with status 7")
    assert up.err.splitlines()[1:] == ["  the lock is held by 17\\e[2J"]


def test_up_of_a_bad_spec_starts_nothing(house: Home) -> None:
    house.write(SPEC.replace("count: 2", "cuont: 2"))
    up, validate = house.ctl("up"), house.ctl("validate")
    assert (up.code, up.out) == (2, "")
    *problems, last = up.err.splitlines()
    assert last == "tmax.yaml is not valid: 1 error; nothing was started"
    assert [*problems, "tmax.yaml is not valid: 1 error"] == validate.err.splitlines()
    assert "did you mean `count`?" in up.err
    assert house.ctl("up", "-o", "json").json["error"] == "rejected"
    assert not house.places().state.exists()


def test_up_of_another_fleet_than_it_says(house: Home) -> None:
    house.write()
    up = house.ctl("up", "--fleet", "else")
    assert up.code == 2
    assert up.err == (
        "tmaxctl: --fleet says else, but tmax.yaml is of fleet demo; nothing was started. "
        "For else: `tmaxctl up SPEC`; for demo: `tmaxctl up tmax.yaml` without --fleet\n"
    )
    house.more_env["TMAX_FLEET"] = "else"
    quiet = house.ctl("up")
    assert quiet.code == 2
    assert "TMAX_FLEET says else, but" in quiet.err
    assert not house.places().state.exists()


def test_who_names_the_file_means_its_fleet(house: Home) -> None:
    house.write()
    house.more_env["TMAX_FLEET"] = "else"
    up = house.ctl("up", "tmax.yaml")
    assert (up.code, up.out.split(":")[0]) == (0, "fleet demo is up")
    assert up.err == (
        "TMAX_FLEET says else, so name it: `tmaxctl status --fleet demo`, or TMAX_FLEET=demo\n"
    )
    assert house.ctl("plan", "tmax.yaml").err == "", "it asks the daemon of the file's fleet"
    assert house.ctl("plan").code == 3
    house.ctl("down", "--fleet", "demo")


def test_one_file_for_several_fleets(house: Home) -> None:
    """The daemon reads the file with the variables by which tmaxctl read it."""
    spec = SPEC.replace("fleet: demo", 'fleet: "${TMAX_FLEET:-demo}"')
    house.write(spec)
    for name in ("one", "two"):
        house.more_env["TMAX_FLEET"] = name
        assert house.ctl("up").out.startswith(f"fleet {name} is up")
    for name in ("one", "two"):
        assert house.ctl("down", "--fleet", name).code == 0


def test_up_without_a_spec_here(house: Home) -> None:
    """Then the one from which the named fleet was run last."""
    done = house.ctl("up")
    assert (done.code, done.out) == (2, "")
    assert done.err == "tmaxctl: no tmax.yaml here; name the SPEC: tmaxctl up SPEC\n"
    never = house.ctl("up", "--fleet", "demo")
    assert never.code == 2
    assert "fleet demo has never run" in never.err
    spec = house.write(name="elsewhere.yaml")
    state = house.places().state
    state.mkdir(parents=True, mode=0o700)
    (state / "spec_path").write_text(str(spec))
    up = house.ctl("up", "--fleet", "demo", "-o", "json")
    assert (up.code, up.json["outcome"]) == (0, "started")
    house.more_env["TMAX_FLEET"] = "demo"
    assert house.ctl("up").err == "fleet demo runs already; reloading\n"


def test_the_users_own_modules_do_not_end_the_daemon(house: Home) -> None:
    house.write()
    house.write("raise SystemExit(9)\n", "msgspec.py")
    script = Path(house.folder, "up.py")
    script.write_text(
        "import sys; from pathlib import Path; sys.path.pop(0)\n"
        "from tmaxd.ctl.launch import launch; from tmaxd.places import places\n"
        "p = launch(Path('tmax.yaml'), places('demo'))._process\n"
        "try: print('lives', p.wait(0.5))\n"
        "except Exception as e: print(type(e).__name__)\n"
    )
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, script], cwd=house.folder, env=house.env, capture_output=True, check=True
    )
    assert done.stdout == b"TimeoutExpired\n"


def test_down_without_waiting_and_with_too_little_time(house: Home) -> None:
    house.more_env["FAKE_STUBBORN"] = "1"
    house.write()
    house.ctl("up")
    late = house.ctl("down", "--wait", "300ms")
    assert (late.code, late.out) == (4, "")
    assert "is not down after 300ms; it goes on" in late.err
    assert house.ctl("down", "--wait", "0s").out == "fleet demo is going down\n"


def test_validate(home: Home) -> None:
    home.write()
    done = home.ctl("validate")
    assert (done.code, done.err) == (0, "")
    assert done.out == "tmax.yaml is valid: fleet demo, 2 groups, 3 workers\n"
    assert home.ctl("validate", "-o", "json").json == {
        "valid": True,
        "fleet": "demo",
        "groups": 2,
        "workers": 3,
        "problems": [],
        "warnings": [],
    }


def test_validate_a_bad_spec(home: Home) -> None:
    bad = home.write(SPEC.replace("count: 2", "count: many"), "bad.yaml")
    done = home.ctl("validate", "bad.yaml")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("bad.yaml:4:18: error: workers.check.count: ")
    value = home.ctl("validate", str(bad), "-o", "json").json
    assert (value["valid"], len(value["problems"])) == (False, 1)
    conforms(value["problems"][0], "ProblemReport")
    assert home.ctl("validate", "nosuch.yaml").code == 2


def test_validate_shows_warnings(home: Home) -> None:
    home.write(SPEC.replace("[bash]", '[bash, "{payload}"]'))
    done = home.ctl("validate")
    assert done.code == 0
    assert "{payload}" in done.err
    assert done.err.startswith("tmax.yaml:5:33: warning: workers.shell.run")
    assert "error" not in done.err
    assert done.out == "tmax.yaml is valid (1 warning): fleet demo, 2 groups, 3 workers\n"
    assert home.ctl("plan").err.startswith("no daemon runs")
    assert "5:33: warning: " in home.ctl("plan").err
    assert home.ctl("validate", "-o", "json").json["warnings"] != []


def test_plan_without_a_daemon(home: Home) -> None:
    home.write()
    done = home.ctl("plan")
    assert done.code == 0
    assert [line.split()[:3] for line in done.out.splitlines()[1:4]] == [
        ["start", "check-1", "added"],
        ["start", "check-2", "added"],
        ["start", "shell-1", "added"],
    ]
    assert done.err == "no daemon runs: this is what `tmaxctl up` would do\n"
    conforms(home.ctl("plan", "-o", "json").json, "PlanResult")
    assert home.ctl("plan", "--fleet", "gone").code == 3
    home.write(SPEC.replace("count: 2", "cuont: 2"))
    assert home.ctl("plan").code == 2


def test_a_missing_file_named_by_nobody(home: Home) -> None:
    with daemon(home):
        assert home.ctl("up").code == 2
