"""Typing into a real terminal: what a person is doing there at that moment does not swallow it."""

from __future__ import annotations

import asyncio

import pytest

from tests.world.tmux.real import answer, real


@pytest.mark.parametrize("control", [True, False])
def test_keys_reach_the_program_while_somebody_scrolls_back(control: bool) -> None:
    async def body() -> None:
        async with real(control=control) as world:
            server, born = await world.up("a-1")
            await world.cli("copy-mode", "-t", born.pane_id)
            assert (
                await world.cli("display-message", "-p", "-t", born.pane_id, "#{pane_in_mode}")
                == "1"
            )
            await world.client.keys(server, {born.pane_id: ("say heard", "Enter")})
            await answer(
                lambda: world.client.capture(server, born.pane_id, 9),
                lambda got: got == "up\nheard",
            )

    asyncio.run(body())


def test_names_of_keys_are_keys_and_all_else_is_text() -> None:
    """Also what looks like an option, a separator, or a word of tmux's own language."""

    async def body() -> None:
        async with real(control=True) as world:
            program = "stty raw -echo; echo up; exec od -An -tx1 -v"
            server, born = await world.up("a-1", "sh", "-c", program)
            await world.shows(server, born.pane_id, "up")
            keys = ("C-c", "Enter", "-l", ";", "x;", "{", "~", "é", "Up")
            await world.client.keys(server, {born.pane_id: (*keys, *["a"] * 16)})
            wish = "03 0d 2d 6c 3b 78 3b 7b 7e c3 a9 1b 5b 41 61 61"
            await answer(
                lambda: world.client.capture(server, born.pane_id, 9),
                lambda got: wish in got,
            )

    asyncio.run(body())
