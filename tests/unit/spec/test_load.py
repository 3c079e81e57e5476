"""What a valid file means."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.unit.spec.loading import HEAD, load_files, loaded, rejected, spec_of
from tmaxd.spec import compose
from tmaxd.spec.limits import WorkerMemory
from tmaxd.spec.load import Loaded, Rejected, from_text, load
from tmaxd.spec.model import Backoff, Group, Inbox, Pipes, Retry, Spec
from tmaxd.spec.resolved import to_text
from tmaxd.spec.supervision import After, Pool, Stop
from tmaxd.spec.units import Duration, Size
from tmaxd.spec.upkeep import Cleanup

EXAMPLE = Path(__file__).parents[3] / "examples" / "tmax.yaml"


def test_the_example() -> None:
    outcome = load(EXAMPLE, Path.read_bytes, {"TMAX_PYTHON": "/opt/python"}, "/home/user")
    assert isinstance(outcome, Loaded)
    assert outcome.warnings == ()
    folder = str(EXAMPLE.parent)
    stop = Stop(signal="TERM", after=Duration(5))
    memory = WorkerMemory(
        warn=Size(200 * 1024**2), recycle=Size(400 * 1024**2), kill=Size(800 * 1024**2)
    )
    hour, day = Duration(3600), 86400
    assert outcome.spec == Spec(
        fleet="demo",
        workers={
            "check": Group(
                kind="task",
                argv=("sha256sum", "{payload}"),
                count=4,
                cwd=folder,
                stop=stop,
                timeout=Duration(30),
                retry=Retry(attempts=3, backoff=Backoff()),
                memory=memory,
            ),
            "echo": Group(
                kind="serve",
                argv=("/opt/python", "echo_worker.py"),
                count=2,
                cwd=folder,
                stop=stop,
                window=64,
                memory=memory,
            ),
            "shell": Group(
                kind="run",
                argv=("bash", "-l"),
                cwd="/home/user",
                stop=stop,
                env={"LANG": "C.UTF-8"},
                memory=memory,
            ),
        },
        pipes=Pipes(inboxes={"tasks": Inbox(to=("check",))}),
        cleanup=(
            Cleanup(what="tasks", ttl=Duration(7 * day), every=hour),
            Cleanup(what="logs", ttl=Duration(14 * day), every=hour),
        ),
    )


def test_the_example_with_all_that_is_commented_out() -> None:
    text, lines = re.subn(r"(?m)^( *)# (?= *(-|[a-z_]+:) )", r"\1", EXAMPLE.read_text())
    text, heads = re.subn(r"(?m)^( *)# (?=[a-z_]+:$)", r"\1", text)
    assert (lines, heads) == (26, 2)
    outcome = loaded({"tmax.yaml": text})
    assert outcome.warnings == ()
    assert outcome.spec.workers["check"].layout == "shared"
    assert outcome.spec.workers["echo"].lease == Duration(300)
    assert outcome.spec.workers["echo"].after == (After(group="check"),)
    assert outcome.spec.workers["shell"].pool == Pool(size=1)
    assert outcome.spec.on.keys() == {"worker_crashed"}
    assert set(outcome.spec.pipes.outboxes) == {"results"}
    assert [route.when for route in outcome.spec.pipes.routes] == ["done", "dead"]
    assert [entry.what for entry in outcome.spec.cleanup] == [
        *("tasks", "logs", "memory", "events", "files")
    ]
    assert outcome.spec.workers["check"].max_tasks == 1000
    assert outcome.spec.memory.keep_free == 1024**3
    assert outcome.spec.flags == {"session_pool": False}


def test_the_least_file() -> None:
    outcome = loaded({"tmax.yaml": HEAD + "workers: {}"})
    assert outcome.spec == Spec(fleet="demo", workers={})
    assert outcome.sources == (Path("/fleet/tmax.yaml"),)


def test_text_and_digest() -> None:
    outcome = loaded(
        {"tmax.yaml": HEAD + "workers: {b: {run: [x]}, a: {task: [y], timeout: 1m30s}}"}
    )
    assert from_text(outcome.text) == outcome.spec
    assert outcome.digest == hashlib.sha256(outcome.text.encode()).hexdigest()
    other = loaded(
        {
            "tmax.yaml": "workers:\n  a: {timeout: 90s, task: ['y']}\n  b: {run: [x], count: 1}\n"
            + HEAD
        }
    )
    assert other.digest == outcome.digest
    assert list(outcome.spec.workers) == ["b", "a"]


@pytest.mark.parametrize(
    "text", ["", "[]", '{"fleet": "x"}', '{"fleet":"x","workers":{},"pool":1}']
)
def test_from_text_refuses_what_is_no_resolved_spec(text: str) -> None:
    with pytest.raises(ValueError, match="not a resolved spec"):
        from_text(text)


def test_numbers_and_booleans_in_argv_and_env_are_taken_as_written() -> None:
    group = spec_of(
        "workers: {a: {run: [sleep, 1.10, 007, true, ~, 0x1F, 1e3, on], "
        "env: {DEBUG: 1, ON: true, EMPTY: '', YES: yes, V: 1.20}}}"
    ).workers["a"]
    assert group.argv == ("sleep", "1.10", "007", "true", "~", "0x1F", "1e3", "on")
    assert group.env == {"DEBUG": "1", "ON": "true", "EMPTY": "", "YES": "yes", "V": "1.20"}


def test_references() -> None:
    group = spec_of(
        """
workers:
  a:
    run: ["${SHELL}", "$SHELL", "$$x", "${NO:-}", "${NO:-a b}", "${EMPTY:-set}", "-${N}-", "$"]
    count: ${N:-4}
    cwd: ${DIR}/x
    env: {A: "${NULL}", B: "${N}"}
""",
        {"SHELL": "/bin/zsh", "EMPTY": "", "N": "7", "DIR": "/data", "NULL": "null"},
    ).workers["a"]
    assert group.argv == ("/bin/zsh", "$SHELL", "$x", "", "a b", "set", "-7-", "$")
    assert group.count == 7
    assert group.cwd == "/data/x"
    assert group.env == {"A": "null", "B": "7"}


def test_a_value_from_the_environment_that_is_not_unicode_is_refused() -> None:
    text = rejected('workers: {a: {run: ["${BAD}"]}}', {"BAD": "\udcff"})
    assert "workers.a.run[0]: the value is not valid Unicode" in text


def test_references_below_x_keys_do_not_count_until_they_are_used() -> None:
    assert spec_of("x-a: {b: '${NOPE}'}\nworkers: {}").workers == {}
    assert "NOPE is not set" in rejected("x-a: &a {run: ['${NOPE}']}\nworkers: {a: *a}")


def test_anchors_and_merge_keys() -> None:
    groups = spec_of(
        """
x-base: &base {run: [bash], count: 3, env: {A: 1}}
x-more: &more {count: 5, cwd: /m}
workers:
  a: *base
  b: {<<: *base, count: 2}
  c: {<<: [*more, *base]}
"""
    ).workers
    assert (groups["a"].count, groups["b"].count, groups["c"].count) == (3, 2, 5)
    assert groups["b"].env == groups["c"].env == {"A": "1"}
    assert groups["c"].cwd == "/m"


def test_x_keys_are_ignored_wherever_keys_are_fixed() -> None:
    spec = spec_of(
        "x-a: 1\nworkers: {x-b: {run: [a], x-c: 2, stop: {x-d: 1}, env: {X_E: 1}}}\n"
        "pipes: {x-f: 1}\ndefaults: {x-g: 1}"
    )
    assert list(spec.workers) == ["x-b"]
    assert spec.workers["x-b"].env == {"X_E": "1"}


def test_defaults_lie_below_each_group() -> None:
    groups = spec_of(
        """
defaults:
  env: {A: 1, B: 1, C: 1}
  stop: {signal: INT, after: 1s}
  timeout: 5m
  retry: {attempts: 5, backoff: {first: 2s}}
  cwd: /d
workers:
  plain: {task: [x]}
  own:
    task: [x]
    env: {B: 2, C: null}
    stop: {after: 9s}
    retry: {backoff: {first: null, max: 9s}}
    cwd: ~
  unset: {task: [x], env: null, stop: , timeout: null, retry: null, cwd: null}
  shell: {run: [x]}
"""
    ).workers
    assert groups["plain"].env == {"A": "1", "B": "1", "C": "1"}
    assert groups["plain"].timeout == Duration(300)
    assert groups["own"].env == {"A": "1", "B": "2"}
    assert groups["own"].stop == Stop(signal="INT", after=Duration(9))
    assert groups["own"].retry.attempts == 5
    assert (groups["own"].retry.backoff.first, groups["own"].retry.backoff.max) == (
        Duration(1),
        Duration(9),
    )
    assert groups["own"].cwd == "/home/user"
    assert groups["unset"] == Group(kind="task", argv=("x",), cwd="/fleet")
    assert groups["shell"].timeout is None
    assert groups["shell"].retry == Retry()


def test_values_have_their_types() -> None:
    outcome = loaded(
        {"tmax.yaml": HEAD + "workers: {a: {task: [x], timeout: 1d}}\npipes: {capacity: 8KB}"}
    )
    assert type(outcome.spec.pipes.capacity) is type(from_text(outcome.text).pipes.capacity)
    assert outcome.spec.pipes.capacity == 8000
    timeout = outcome.spec.workers["a"].timeout
    assert timeout == Duration(86400)
    assert type(timeout) is Duration
    assert to_text(from_text(outcome.text)) == outcome.text


def test_null_takes_back_and_tilde_is_home() -> None:
    groups = spec_of(
        "workers: {a: {run: [x], cwd: ~, count: null}, b: {run: [x], cwd: ~/w, count: }}"
    ).workers
    assert [(g.cwd, g.count) for g in groups.values()] == [("/home/user", 1), ("/home/user/w", 1)]


def test_warnings_do_not_stop() -> None:
    outcome = loaded(
        {
            "tmax.yaml": HEAD
            + 'workers: {a: {serve: [x, "--{payload}"]}, b: {task: [x], retry: {backoff: {first: 2m, max: 1m}}}}'
        }
    )
    assert [(w.key, w.line) for w in outcome.warnings] == [
        ("workers.a.serve[1]", 3),
        ("workers.b.retry.backoff.first", 3),
    ]
    assert "replaced only in `task`" in outcome.warnings[0].message


def test_a_relative_path_names_files_relative_to_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "tmax.yaml").write_text(
        HEAD + "include: ../more.yaml\nworkers: {}\npol: 1\n"
    )
    (tmp_path / "more.yaml").write_text("pol: 1\n")
    monkeypatch.chdir(tmp_path)
    outcome = load(Path("sub/tmax.yaml"), Path.read_bytes, {}, "/h")
    assert isinstance(outcome, Rejected)
    assert [p.file for p in outcome.problems] == ["sub/tmax.yaml", "more.yaml"]
    assert outcome.sources == (tmp_path / "sub/tmax.yaml", tmp_path / "sub/../more.yaml")


def test_a_main_file_that_is_not_there() -> None:
    outcome = load_files({})
    assert isinstance(outcome, Rejected)
    assert [p.message for p in outcome.problems] == ["cannot be read: No such file or directory"]
    assert outcome.sources == (Path("/fleet/tmax.yaml"),)


def test_a_byte_order_mark_and_windows_line_ends() -> None:
    text = "\ufeff" + HEAD + "workers:\n  a:\n    run: [bash]\n"
    assert loaded({"tmax.yaml": text.replace("\n", "\r\n")}).spec.workers["a"].argv == ("bash",)


def test_the_pure_parser_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = EXAMPLE.read_text()
    with_c = loaded({"tmax.yaml": text})
    bad = load_files({"tmax.yaml": text.replace("count", "cuont")})
    monkeypatch.setattr(compose, "_Parser", yaml.SafeLoader)
    assert loaded({"tmax.yaml": text}) == with_c
    assert load_files({"tmax.yaml": text.replace("count", "cuont")}) == bad


def test_a_valid_file_loads_without_the_slow_imports() -> None:
    program = (
        "import sys; from pathlib import Path; from tmaxd.spec.load import Loaded, load\n"
        f"outcome = load(Path({str(EXAMPLE)!r}), Path.read_bytes, {{}}, '/')\n"
        "assert isinstance(outcome, Loaded)\n"
        "print([m for m in ('jsonschema', 'difflib', 'shlex', 'asyncio') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
