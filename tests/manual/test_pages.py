"""The manual pages: well-formed, whole, and those that are checked in."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator

import click
import pytest

from tests.ctl.harness import ROOT
from tmaxd.ctl.main import VERBS, group
from tmaxd.daemon.main import make_parser
from tmaxd.manual import ctl_page, daemon_page, spec_page
from tmaxd.places import places
from tmaxd.spec.file_model import SpecFile
from tmaxd.spec.schema import checker

PAGES = {"tmaxd.1": daemon_page, "tmaxctl.1": ctl_page, "tmax.yaml.5": spec_page}


def shown(name: str) -> str:
    """The words of a page, without fonts and escapes."""
    text = re.sub(r"\\f[BIR]", "", PAGES[name].text())
    text = re.sub(r"\\\[u([0-9A-F]+)\]", lambda match: chr(int(match[1], 16)), text)
    for escape, character in (
        ("\\-", "-"),
        ("\\(ti", "~"),
        ("\\(ga", "`"),
        ("\\(dq", '"'),
        ("\\(aq", "'"),
        ("\\&", ""),
    ):
        text = text.replace(escape, character)
    return text


def lint(path: str) -> list[str]:
    """The complaints of mandoc, else of groff; skips where there is neither."""
    if shutil.which("mandoc"):
        argv = ["mandoc", "-T", "lint", "-W", "warning", path]
    elif shutil.which("groff"):
        argv = ["groff", "-man", "-ww", "-z", "-T", "utf8", path]
    else:
        pytest.skip("neither mandoc nor groff is installed")
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    lines = (done.stdout + done.stderr).splitlines()
    # A list of values has no blanks, and may be wider than a line; that pages have no date is meant.
    return [line for line in lines if "can't break line" not in line and "missing date" not in line]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_well_formed(name: str) -> None:
    text = PAGES[name].text()
    assert text.isascii()
    assert text.endswith("\n")
    assert lint(str(ROOT / "man" / name)) == []


def test_a_page_that_is_not_would_be_noticed(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("man") / "bad.1"
    path.write_text(".TH BAD 1\n.SH NAME\nbad \\- page\n.NOSUCHMACRO\n")
    assert lint(str(path))


@pytest.mark.parametrize("name", PAGES)
def test_what_is_checked_in_is_what_the_code_says(name: str) -> None:
    assert (ROOT / "man" / name).read_text() == PAGES[name].text()


def commands(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    yield context.command_path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, click.Context(below, parent=context, info_name=name))


def test_every_verb_and_every_option_is_there() -> None:
    page = shown("tmaxctl.1")
    root = click.Context(group, info_name="tmaxctl")
    found = dict(commands(group, root))
    assert len(found) > len(VERBS)
    parts = dict(re.findall(r'\.SS "(tmaxctl[a-z ]*) .*"\n((?:(?!\.S[SH] ).*\n)*)', page))
    for path, command in found.items():
        part = page if path == "tmaxctl" else parts[path]
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert all(f"{option}" in part for option in parameter.opts), (path, parameter.opts)
                help_text = " ".join((parameter.help or "").split())
                assert help_text.replace("`", "")[:30] in part.replace("`", ""), (path, help_text)


def test_every_key_of_the_spec_is_there() -> None:
    page = shown("tmax.yaml.5")
    terms = set(re.findall(r"\.TP\n(.*)\n", page))
    definitions = checker(SpecFile)["$defs"].values()
    keys = {key for definition in definitions for key in definition.get("properties", ())}
    assert len(keys) > 50
    assert keys <= terms


def test_every_argument_of_the_daemon_is_there() -> None:
    page = shown("tmaxd.1")
    for action in make_parser()._actions:
        for word in action.option_strings or [str(action.metavar)]:
            assert word in page
        assert str(action.help) in page
    here = places("demo", {"HOME": "/h"}, 1000)
    for path in (
        here.api_socket,
        here.tmux_socket,
        here.lock,
        here.database,
        here.memory,
        here.daemon_log,
    ):
        assert f"/FLEET/{path.name}" in page
