"""The flag `dedicated_pipes`: which layouts it decides, in the file and over it."""

from __future__ import annotations

import msgspec
import pytest

from tests.unit.spec.loading import HEAD, loaded, spec_of
from tmaxd.spec.diff import diff
from tmaxd.spec.flags import FLAGS, effective
from tmaxd.spec.layouts import with_flags
from tmaxd.spec.load import from_text
from tmaxd.spec.model import Spec

GROUPS = """
workers:
  task: {task: [x]}
  serve: {serve: [x], balance: least_loaded, pool: 0}
  run: {run: [x]}
  said: {task: [x], layout: dedicated}
  shared: {task: [x], layout: shared}
  sticky: {task: [x], balance: sticky}
  spares: {task: [x], pool: 1}
"""
OFF = "flags: {dedicated_pipes: false}\n"


def layouts(spec: Spec) -> set[str]:
    """The groups that share."""
    return {name for name, group in spec.workers.items() if group.layout == "shared"}


def test_off_shares_where_nobody_has_said_and_where_it_can_be() -> None:
    assert layouts(spec_of(GROUPS)) == {"shared"}
    assert layouts(spec_of(GROUPS + OFF)) == {"shared", "task", "serve"}


@pytest.mark.parametrize(("said", "off"), [("dedicated", set()), ("shared", {"task"})])
def test_what_is_said_for_all_is_said(said: str, off: set[str]) -> None:
    text = f"workers: {{task: {{task: [x]}}}}\npipes: {{layout: {said}}}\n"
    assert layouts(spec_of(text)) == layouts(spec_of(text + OFF)) == off


def test_what_defaults_say_is_said() -> None:
    text = "defaults: {layout: dedicated}\nworkers: {task: {task: [x]}}\n"
    assert layouts(spec_of(text + OFF)) == set()


def test_another_flag_of_the_time_gives_what_the_file_would() -> None:
    on, off = spec_of(GROUPS), spec_of(GROUPS + OFF)
    flags = {"dedicated_pipes": False}
    assert with_flags(on, flags) == off
    assert with_flags(off, {}) == on
    assert with_flags(with_flags(on, flags), {}) == on
    assert with_flags(off, off.flags) == off
    assert with_flags(on, {"dedicated_pipes": True}).workers == on.workers


def test_groups_that_stay_are_the_same_objects() -> None:
    spec = spec_of(GROUPS)
    again = with_flags(spec, {"session_pool": False})
    assert all(again.workers[name] is group for name, group in spec.workers.items())
    assert again.flags == {"session_pool": False}


def test_a_revision_knows_what_was_said() -> None:
    off = loaded({"tmax.yaml": HEAD + GROUPS + OFF})
    again = from_text(off.text)
    assert again == off.spec
    assert layouts(with_flags(again, {})) == {"shared"}


def test_a_revision_from_before_has_said_what_it_shares() -> None:
    """It does not say who is behind a layout."""
    spec = spec_of(GROUPS)
    old = {n: msgspec.structs.replace(g, layout_by=None) for n, g in spec.workers.items()}
    before = msgspec.structs.replace(spec, workers=old)
    assert layouts(with_flags(before, {})) == {"shared"}
    assert layouts(with_flags(before, {"dedicated_pipes": False})) == {
        *("shared", "task", "serve", "said")
    }


def test_the_change_of_a_flag_names_what_follows() -> None:
    old, new = spec_of(GROUPS), spec_of(GROUPS + OFF)
    assert [(c.key, c.old, c.new, c.field_class) for c in diff(old, new)] == [
        ("flags.dedicated_pipes", msgspec.UNSET, False, "live"),
        ("workers.serve.layout", "dedicated", "shared", "when_idle"),
        ("workers.task.layout", "dedicated", "shared", "when_idle"),
    ]


def test_flags_of_several_files() -> None:
    spec = spec_of(
        "include: more.yaml\nworkers: {}\nflags: {session_pool: true, batching: null}",
        more_yaml="flags: {session_pool: false, batching: false, hot_reload: false}",
    )
    assert spec.flags == {"session_pool": True, "hot_reload": False}


def test_what_holds_where_nobody_says() -> None:
    for name, flag in FLAGS.items():
        assert effective({}, name) is flag.default
        assert effective({name: not flag.default}, name) is not flag.default
    with pytest.raises(KeyError):
        effective({}, "no_such_flag")
