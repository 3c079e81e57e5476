"""Output on its way into a log file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.waiting import until
from tests.world.tmux.real import job, real
from tmaxd.ports import Launched, WorldError
from tmaxd.world.tmux.channel import Reply
from tmaxd.world.tmux.heads import Heads

NAMES = ("a b.log", "%Y%%.log", "#{pid}.log", "#[x.log", "'\"$HOME`id`;.log", "é\n.log")


@pytest.mark.parametrize("control", [True, False], ids=["control", "plain"])
def test_a_log_may_have_any_path_and_is_private(control: bool) -> None:
    async def body() -> None:
        async with real(control=control) as world:
            server = await world.start()
            names = [f"a-{number}" for number in range(1, len(NAMES) + 1)]
            born = await world.client.launch(server, [job(name) for name in names])
            panes = [one.pane_id for one in born if isinstance(one, Launched)]
            for pane in panes:
                await world.shows(server, pane, "up")
            logs = world.folder / "logs #(touch zz)"
            logs.mkdir()
            files = [logs / name for name in NAMES]
            await world.client.log_to(server, dict(zip(panes, files, strict=True)))
            for name, file in zip(names, files, strict=True):
                await world.tell(name, f"say of-{name}\\n")
                await _holds(file, f"up\nof-{name}\r\n")
                assert file.stat().st_mode & 0o777 == 0o600
            assert sorted(logs.iterdir()) == sorted(files)

    asyncio.run(body())


async def _holds(file: Path, text: str) -> None:
    await until(
        lambda: file.exists() and file.read_bytes().decode() == text,
        f"{file} holds {text!r}",
    )


def test_nothing_falls_between_the_head_and_the_pipe() -> None:
    """A program that prints without pause while its log begins: every line is there, once."""

    async def body() -> None:
        async with real() as world:
            server = await world.start()
            script = "for i in $(seq 1 1500); do echo line-$i; done; read x"
            (born,) = await world.client.launch(server, [job("a-1", "sh", "-c", script, "sh")])
            assert isinstance(born, Launched)
            log = world.folder / "a-1.log"
            await world.shows(server, born.pane_id, "line-")
            await world.client.log_to(server, {born.pane_id: log})
            await until(
                lambda: "line-1500\r" in log.read_text() or "line-1500\n" in log.read_text(),
                "the last line is there",
            )
            numbers = [int(part) for part in log.read_text().replace("line-", " ").split()]
            assert sorted(numbers) == list(range(1, 1501))

    asyncio.run(body())


def test_a_log_that_cannot_be_written_is_an_error_that_names_it() -> None:
    async def body() -> None:
        async with real() as world:
            server, born = await world.up("a-1")
            with pytest.raises(WorldError, match="nowhere"):
                await world.client.log_to(server, {born.pane_id: world.folder / "nowhere" / "l"})

    asyncio.run(body())


def test_a_link_in_the_place_of_a_log_is_not_followed_by_its_head() -> None:
    async def body() -> None:
        async with real() as world:
            server, born = await world.up("a-1")
            target = world.folder / "target"
            target.touch()
            (world.folder / "l").symlink_to(target)
            with pytest.raises(WorldError, match="log cannot be written"):
                await world.client.log_to(server, {born.pane_id: world.folder / "l"})
            assert target.read_text() == ""

    asyncio.run(body())


def test_the_last_words_of_a_pane_that_cannot_be_piped_are_kept_once(tmp_path: Path) -> None:
    """Newer tmux refuses `pipe-pane` on a dead pane; the daemon asks again on every pass."""

    def replies(pid: int, *, refused: bool) -> tuple[Reply, ...]:
        last = Reply(False, ("target pane has exited",)) if refused else Reply(True, ())
        return Reply(True, (f"0 0 {pid}",)), Reply(True, (f"words of {pid}  ", "", "")), last

    async def body() -> None:
        heads, log = Heads(), tmp_path / "l"
        for pid, refused in ((7, True), (7, True), (8, True), (8, True), (9, False), (9, True)):
            written = heads.take("%1", log, replies(pid, refused=refused))
            if written is not None:
                await written
        assert log.read_text() == "words of 7\nwords of 8\nwords of 9\nwords of 9\n"
        heads.close()

    asyncio.run(body())


@pytest.mark.parametrize(
    ("shown", "column", "kept"),
    [
        (("done", ""), 0, "done\n"),
        (("old", "me:~$"), 6, "old\nme:~$ "),
        (("漢字 $",), 7, "漢字 $ "),
        (("a long line that wraps",), 3, "a long line that wraps"),
    ],
)
def test_the_blanks_that_a_prompt_ends_in_are_kept(
    tmp_path: Path, shown: tuple[str, ...], column: int, kept: str
) -> None:
    async def body() -> None:
        heads, log = Heads(), tmp_path / "l"
        found = (Reply(True, (f"0 {column} 7",)), Reply(True, shown), Reply(True, ()))
        written = heads.take("%1", log, found)
        assert written is not None
        await written
        assert log.read_text() == kept
        heads.close()

    asyncio.run(body())
