"""What a launch says arrives in the process byte for byte, over either channel, whatever it is."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.waiting import until
from tests.world.tmux.real import Real, environment, job, real
from tmaxd.ports import Launch, Launched, Refused
from tmaxd.world.tmux.quoting import line, literal, word

WAITING = ("sh", "-c", "read x", "sh")
"""A program that lives, and does not look at its further arguments."""

NASTY = (
    "",
    " ",
    "a;b",
    ";",
    "a;",
    "\\",
    "\\;",
    "$HOME",
    "${HOME}",
    "~",
    "~root/x",
    "#{pid}",
    "#(touch zz)",
    "##",
    "#[fg=red]",
    "###[",
    "#",
    "%H %% %Y",
    "%if x",
    "'",
    '"',
    "'\"'\"'",
    "{ x }",
    "}",
    "a\nb",
    "a\r\n",
    "\t\x1b[31m\x07\x7f\x01",
    "-x",
    "--",
    "A=b",
    "=",
    "äöü€😀\u2028",
    "\udcff\udc80",
    "*?[x]",
    "`id`",
    "&&|<>",
    "# comment",
    "\\u0041\\101\\e",
)

TEXT = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30),
    st.text("#[]{}%;'\"\\$~\n\tax", max_size=12),
)


@given(TEXT)
def test_a_word_is_one_safe_line(text: str) -> None:
    quoted = word(text)
    assert quoted
    assert all(0x20 <= byte < 0x7F for byte in quoted)
    if quoted.startswith(b'"'):
        assert b'"' not in quoted[1:-1]
        assert b"$" not in quoted
        assert b"~" not in quoted


def test_a_list_is_one_line_and_a_nul_is_refused() -> None:
    assert line([("a", "b c"), ("d", ";")]) == b'a "b c" ; d ";"'
    with pytest.raises(ValueError, match="NUL"):
        word("a\0b")


@given(st.text("#[{a", max_size=8))
def test_a_literal_keeps_all_that_is_no_hash(text: str) -> None:
    assert literal(text).replace("#", "") == text.replace("#", "")
    assert ("#" in text) or literal(text) == text


async def _processes(world: Real, items: list[Launch]) -> list[Path]:
    """Launch, wait until each program runs, and give its folder in /proc."""
    server = await world.start()
    born = await world.client.launch(server, items)
    found = []
    for one, item in zip(born, items, strict=True):
        assert isinstance(one, Launched), one
        proc = Path(f"/proc/{one.pid}")
        argv = os.fsencode("\0".join(item.argv)) + b"\0"
        await until(
            lambda proc=proc, argv=argv: (proc / "cmdline").read_bytes() == argv,  # type: ignore[misc]
            f"the arguments are {argv!r}, not {(proc / 'cmdline').read_bytes()!r}",
            within=3,
        )
        found.append(proc)
    return found


async def _arrives(world: Real, texts: list[str], respawn: bool) -> None:
    folder = world.folder / "cwd"
    env = {f"V{number}": text for number, text in enumerate(texts)}
    item = job("a-1", *WAITING, *texts, cwd=str(folder), env=env)
    await _processes(world, [item])
    view = await world.client.look()
    if respawn:
        item = msgspec.structs.replace(item, pane_id=view.panes[0].pane_id)
    else:
        assert view.server is not None
        await world.client.kill(view.server, [view.panes[0].session_id])
    (proc,) = await _processes(world, [item])
    variables = (proc / "environ").read_bytes().split(b"\0")
    for name, text in env.items():
        assert os.fsencode(f"{name}={text}") in variables
    assert (proc / "cwd").resolve() == folder
    view = await world.client.look()
    assert view.server is not None
    await world.client.kill(view.server, [view.panes[0].session_id])


@pytest.mark.parametrize("control", [True, False], ids=["control", "plain"])
def test_arguments_and_environment_arrive_as_they_are(control: bool) -> None:
    @settings(
        max_examples=25 if control else 8,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        database=None,
    )
    @given(texts=st.lists(TEXT, max_size=6), respawn=st.booleans())
    @example(texts=list(NASTY), respawn=False)
    @example(texts=list(NASTY), respawn=True)
    def check(texts: list[str], respawn: bool) -> None:
        runner.run(_arrives(world, texts, respawn))

    with asyncio.Runner() as runner:
        scope = real(control=control)
        world = runner.run(scope.__aenter__())
        try:
            (world.folder / "cwd").mkdir()
            check()
        finally:
            runner.run(scope.__aexit__(None, None, None))


FOLDERS = ("a b", "%Y%%", "#{pid}", "#[x", "##", "'\"", "$HOME;~", "é\n*", "\udcff", "#(touch zz)")


@pytest.mark.parametrize("control", [True, False], ids=["control", "plain"])
def test_the_working_directory_arrives_as_it_is(control: bool) -> None:
    async def body() -> None:
        async with real(control=control) as world:
            items = []
            for number, name in enumerate(FOLDERS, 1):
                folder = world.folder / name
                folder.mkdir()
                items.append(job(f"a-{number}", *WAITING, cwd=str(folder)))
            procs = await _processes(world, items)
            for proc, item in zip(procs, items, strict=True):
                assert os.readlink(proc / "cwd") == item.cwd
            assert not (world.folder / "zz").exists()

    asyncio.run(body())


def test_a_single_word_is_not_given_to_a_shell() -> None:
    async def body() -> None:
        async with real() as world:
            program = world.folder / "a=b; echo hello"
            program.write_text("#!/bin/sh\nread x\n")
            program.chmod(0o700)
            server = await world.start()
            (born,) = await world.client.launch(server, [job("a-1", str(program))])
            assert isinstance(born, Launched)
            argv = b"/bin/sh\0" + os.fsencode(program) + b"\0"
            cmdline = Path(f"/proc/{born.pid}/cmdline")
            await until(lambda: cmdline.read_bytes() == argv, "the program itself runs")

    asyncio.run(body())


def test_what_no_process_can_be_given_is_refused_and_the_rest_is_started() -> None:
    async def body() -> None:
        async with real() as world:
            server = await world.start()
            outcomes = await world.client.launch(
                server,
                [
                    job("a-1", "echo", "a\0b"),
                    job("a-2", "sleep", "1000", env={"A=B": "c"}),
                    job("a-3", "sleep", "1000", env={"A": "\ud800"}),
                    msgspec.structs.replace(job("a-4"), argv=()),
                    job("a-5", "sleep", "1000"),
                ],
            )
            said = [one.message for one in outcomes if isinstance(one, Refused)]
            assert len(said) == 4
            assert "NUL" in said[0]
            assert "'A=B'" in said[1]
            assert "'A'" in said[2]
            assert "no program" in said[3]
            assert isinstance(outcomes[4], Launched)

    asyncio.run(body())


@pytest.mark.parametrize("control", [True, False], ids=["control", "plain"])
def test_the_environment_is_what_was_given_and_nothing_else(
    control: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_DAEMON", "1")
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setenv("TMUX", "/elsewhere,1,0")
    monkeypatch.setenv("TMUX_PANE", "%77")

    async def body() -> None:
        async with real(control=control) as world:
            mine = job("a-1", *WAITING, env={"PATH": "/opt/mine:/bin:/usr/bin", "A": "b"})
            first, second = await _processes(world, [mine, job("a-2", *WAITING)])
            assert _given(first) == environment() | dict(mine.env)
            assert _given(second) == environment()
            # What the first launch brought must not come back with the second one.
            pane_id = (await world.client.look()).panes[0].pane_id
            again = msgspec.structs.replace(mine, pane_id=pane_id, env={"C": "d"})
            (third,) = await _processes(world, [again])
            assert _given(third) == environment() | {"C": "d"}

    asyncio.run(body())


def _given(proc: Path) -> dict[str, str]:
    """The process's environment without what tmux itself tells its panes."""
    raw = (proc / "environ").read_text().removesuffix("\0").split("\0")
    variables = dict(one.split("=", 1) for one in raw)
    assert not variables["TMUX"].startswith("/elsewhere")
    own = {"PWD", "SHELL", "TERM", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "TMUX", "TMUX_PANE"}
    return {name: value for name, value in variables.items() if name not in own}
