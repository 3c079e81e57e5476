"""Clean-ups as files say them, and what of them is refused."""

from __future__ import annotations

import pytest

from tests.unit.spec.loading import HEAD, HOME, loaded, rejected, spec_of
from tmaxd.spec.units import Duration, Size
from tmaxd.spec.upkeep import Cleanup

NONE = "workers: {}\n"


def test_the_entries_of_all_files_are_taken_in_their_order() -> None:
    spec = spec_of(
        """
include: more.yaml
workers: {a: {run: [x]}}
cleanup:
  - {what: tasks, ttl: 7d, cron: "0 4 * * *", zone: Europe/Berlin, jitter: 30s}
  - {what: logs, ttl: 14d, every: 1h, groups: a, max_size: 1GiB, compress: true, apply: false}
""",
        more_yaml="""
cleanup:
  - {what: memory, every: 10m, namespaces: [notes, team/plans]}
  - {what: orphans, every: 1m}
""",
    )
    hour, day = Duration(3600), 86400
    assert spec.cleanup == (
        Cleanup(
            what="tasks",
            ttl=Duration(7 * day),
            cron="0 4 * * *",
            zone="Europe/Berlin",
            jitter=Duration(30),
        ),
        Cleanup(
            what="logs",
            ttl=Duration(14 * day),
            every=hour,
            groups=("a",),
            max_size=Size(1024**3),
            compress=True,
            apply=False,
        ),
        Cleanup(what="memory", every=Duration(600), namespaces=("notes", "team/plans")),
        Cleanup(what="orphans", every=Duration(60)),
    )
    assert {type(entry.every) for entry in spec.cleanup if entry.every} == {Duration}


def test_files_are_looked_for_beside_the_file_and_only_told_of() -> None:
    said = "{what: files, ttl: 0s, every: 1h, roots: [work, ~/scratch], files: [work/**/*.tmp, ~/scratch/**/]"
    spec = spec_of(f"{NONE}cleanup: [{said}}}, {said}, apply: true}}]")
    first, second = spec.cleanup
    assert first.roots == ("/fleet/work", f"{HOME}/scratch")
    assert first.files == ("/fleet/work/**/*.tmp", f"{HOME}/scratch/**/")
    assert (first.apply, second.apply) == (False, True)
    assert first.ttl == Duration(0)


@pytest.mark.parametrize(
    ("env", "root", "why"),
    [
        ({}, "/var/lib/tmaxd", "is where tmaxd keeps"),
        ({}, "/run/tmaxd/demo", "is where tmaxd keeps"),
        ({}, "/var", "holds `/var/lib/tmaxd`"),
        ({"TMAX_STATE_DIR": "/srv/state"}, "/srv", "holds `/srv/state`"),
        ({"TMAX_STATE_DIR": "/srv/state"}, "/srv/state/demo/logs", "is where tmaxd keeps"),
        ({"TMAX_RUNTIME_DIR": "/srv/run"}, "/srv/run", "is where tmaxd keeps"),
        ({"XDG_RUNTIME_DIR": "/run/user/7"}, "/run/user/7", "holds `/run/user/7/tmaxd`"),
        ({}, "~/.local/state", f"holds `{HOME}/.local/state/tmaxd`"),
        ({}, "/", "the whole machine"),
        ({}, "/srv/..", "leads elsewhere"),
    ],
)
def test_roots_that_are_refused(env: dict[str, str], root: str, why: str) -> None:
    entry = f"{{what: files, ttl: 1d, every: 1h, roots: {root}, files: {root}/x}}"
    text = rejected(f"{NONE}cleanup: [{entry}]", env)
    assert f"cleanup[0].roots: {'`..` ' if '..' in root else ''}" in text
    assert why in text


@pytest.mark.parametrize(
    ("root", "glob", "good"),
    [
        ("/srv/a", "/srv/a/*", True),
        ("/srv/a", "/srv/a/**/", True),
        ("/srv/a", "/srv/./a//x", True),
        ("/srv/a/", "/srv/a/x", True),
        ("/srv/a", "/srv/a", False),
        ("/srv/a", "/srv/a/", False),
        ("/srv/a", "/srv/ab/*", False),
        ("/srv/a", "/srv/*/x", False),
        ("/srv/a", "/srv/a*/x", False),
        ("/srv/a", "/srv/a/../b/*", False),
        ("/srv/a", "/*", False),
    ],
)
def test_each_glob_lies_in_a_root(root: str, glob: str, good: bool) -> None:
    text = f"{NONE}cleanup: [{{what: files, ttl: 1d, every: 1h, roots: {root}, files: '{glob}'}}]"
    if good:
        assert spec_of(text).cleanup[0].files[0].startswith("/srv/a/")
    else:
        assert "cleanup[0].files: " in rejected(text)


def test_an_unset_variable_is_one_mistake() -> None:
    """The rest is not judged by the text of the reference."""
    text = rejected(
        NONE + 'cleanup: [{what: files, ttl: 1d, every: 1h, roots: "${R}", files: "${R}/*"},\n'
        ' {what: tasks, ttl: 1d, cron: "${C}", groups: "${G}"}]'
    )
    assert text.count("is not set") == 4
    assert text.count(": cleanup[") == 4


def test_a_mistake_in_one_entry_hides_none_in_another() -> None:
    text = rejected(NONE + "cleanup: [{what: tasks, every: 1h, tll: 1d}, {what: dead, every: 1h}]")
    assert "cleanup[0].tll: unknown key" in text
    assert "cleanup[1].what: without `ttl`" in text


def test_a_group_of_a_file_that_cannot_be_read_may_exist() -> None:
    text = rejected(
        "include: gone.yaml\nworkers: {}\ncleanup: [{what: tasks, ttl: 1d, every: 1h, groups: a}]"
    )
    assert "gone.yaml" in text
    assert "no group" not in text


def test_utc_needs_no_data_of_the_machine() -> None:
    """`zoneinfo` has UTC only where the machine has it."""
    text = NONE + 'cleanup: [{what: orphans, cron: "0 4 * * *", zone: UTC}]'
    assert loaded({"tmax.yaml": HEAD + text}).spec.cleanup[0].zone == "UTC"
