"""Files of the user's choosing: what goes, what stays, and that nothing outside the roots ever does."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.waiting import until
from tmaxd.daemon.cleaning.cleaner import Report
from tmaxd.ports.sweeping import Sweep
from tmaxd.world import failpoints, sweeping
from tmaxd.world.sweeping import FileSweeper, sweep

NOW = 2_000_000_000.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    return made


def clean(
    root: Path,
    *globs: str,
    roots: tuple[str, ...] | None = None,
    before: float | None = None,
    dry: bool = False,
    never: frozenset[tuple[int, int]] = frozenset(),
) -> Report:
    report = Report()
    whole = tuple(glob if glob.startswith("/") else f"{root}/{glob}" for glob in globs)
    order = Sweep(
        globs=whole, roots=(str(root),) if roots is None else roots, before=before, dry=dry
    )
    sweep(order, report, never)
    return report


def make(folder: Path, *names: str, text: str = "x", at: float | None = None) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if at is not None:
            os.utime(path, (at, at))


def there(folder: Path) -> set[str]:
    """Everything below, without following links."""
    return {
        os.path.relpath(os.path.join(at, name), folder)
        for at, folders, files in os.walk(folder)
        for name in [*folders, *files]
    }


def at_failpoint(
    monkeypatch: pytest.MonkeyPatch, place: str, act: Callable[[], object], number: int = 1
) -> None:
    """`act` happens once, the n-th time that the sweep comes there."""
    left = [number]

    def hit(name: str) -> None:
        if name == place:
            left[0] -= 1
            if left[0] == 0:
                act()

    monkeypatch.setattr(failpoints, "hit", hit)


# ------------------------------------------------------------------------------------- what goes


def test_what_globs_name_goes_and_is_told(root: Path) -> None:
    make(root, "a.log", "b.log", "c.txt", "d/e.log", ".hidden.log")
    report = clean(root, "*.log")
    assert there(root) == {"c.txt", "d", "d/e.log", ".hidden.log"}
    assert (report.count, report.problems) == (2, [])
    assert {item.name for item in report.items} == {f"{root}/a.log", f"{root}/b.log"}
    assert report.bytes == 2 * (root / "c.txt").stat().st_blocks * 512 > 0


def test_a_dry_run_tells_the_same_and_changes_nothing(root: Path) -> None:
    make(root, "a.log", "d/e.log", "d/f/g.log", "h/i.txt", "both")
    os.link(root / "both", root / "twin")
    globs = ("**/*.log", "**/", "both", "twin")
    before = there(root)
    told = clean(root, *globs, dry=True)
    assert there(root) == before
    done = clean(root, *globs)
    assert there(root) == {"h", "h/i.txt"}
    assert {item.name for item in told.items} == {item.name for item in done.items}
    assert (told.count, told.bytes) == (done.count, done.bytes)
    assert told.problems == done.problems == []


def test_only_what_is_old_enough_goes(root: Path) -> None:
    make(root, "old", at=NOW - 100)
    make(root, "edge", at=NOW - 60)
    make(root, "new", at=NOW - 59)
    make(root, "from-the-future", at=NOW + 1000)
    assert clean(root, "*", before=NOW - 60).count == 2
    assert there(root) == {"new", "from-the-future"}


def test_the_age_of_a_link_is_its_own(root: Path) -> None:
    make(root, "target", at=NOW)
    os.symlink("target", root / "link")
    os.utime(root / "link", (NOW - 100, NOW - 100), follow_symlinks=False)
    assert clean(root, "*", before=NOW - 60).count == 1
    assert there(root) == {"target"}


def test_folders_go_only_where_asked_for_and_empty(root: Path) -> None:
    make(root, "full/file")
    (root / "empty/inner").mkdir(parents=True)
    assert clean(root, "*").count == 0, "without a `/` at the end it is about files"
    assert there(root) == {"full", "full/file", "empty", "empty/inner"}
    assert clean(root, "*/").problems == []
    assert "empty" in there(root), "it is not empty"
    assert clean(root, "**/").count == 2
    assert there(root) == {"full", "full/file"}


def test_a_folder_that_a_sweep_has_emptied_is_as_old_as_it_was(root: Path) -> None:
    make(root, "d/a", at=NOW - 100)
    os.utime(root / "d", (NOW - 100, NOW - 100))
    make(root, "young/a", at=NOW - 100)
    os.utime(root / "young", (NOW, NOW))
    clean(root, "*/a", "*/", before=NOW - 60)
    assert there(root) == {"young"}


def test_bytes_of_hard_links_come_back_with_the_last(root: Path) -> None:
    make(root, "in-1", "kept", text="x" * 100_000)
    os.link(root / "in-1", root / "in-2")
    os.link(root / "kept", root / "in-3")
    size = (root / "kept").stat().st_blocks * 512
    told, done = clean(root, "in-*", dry=True), clean(root, "in-*")
    assert (told.count, told.bytes) == (done.count, done.bytes) == (3, size)
    assert there(root) == {"kept"}


def test_names_of_any_bytes(root: Path) -> None:
    names = [b"new\nline.x", b"\xff\xfe.x", b"$(rm -rf).x", b"-rf.x", b"a\x1b[31m.x"]
    for name in names:
        (root / os.fsdecode(name)).write_text("x")
    report = clean(root, "*.x")
    assert (report.count, there(root)) == (len(names), set())
    assert f"{root}/\\xff\\xfe.x" in {item.name for item in report.items}
    for item in report.items:
        item.name.encode()


def test_what_is_neither_file_nor_link_stays(root: Path) -> None:
    os.mkfifo(root / "fifo")
    make(root, "file")
    report = clean(root, "*")
    assert there(root) == {"fifo"}
    assert report.problems == [f"{root}/fifo: it is neither a file nor a link; it is left alone"]


# ------------------------------------------------------------------------------------- the roots


def test_roots_that_are_refused(root: Path, tmp_path: Path) -> None:
    make(root, "a/b")
    (tmp_path / "link").symlink_to(root)
    link = tmp_path / "link"
    assert "none of the roots" in clean(root, "/etc/passwd").problems[0]
    assert "none of the roots" in clean(root, f"{root}/../root/a/b").problems[0]
    assert "none of the roots" in clean(root, f"{root}").problems[0]
    for path, why in (
        ("/", "no folder that a clean-up may have"),
        (str(link), f"link in it is a link; write where it leads to, {root}"),
        (f"{link}/a", f"link in it is a link; write where it leads to, {root}/a"),
        (f"{root}/none", "it cannot be opened: No such file"),
        (f"{root}/a/b", "it cannot be opened: Not a directory"),
    ):
        report = clean(root, f"{path}/*" if path != "/" else "/*", roots=(path,))
        assert (report.count, len(report.problems)) == (0, 1)
        assert why in report.problems[0]
    assert there(root) == {"a", "a/b"}


def test_a_root_of_somebody_else_is_refused(root: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    make(root, "a")
    os.chown(root, 12345, -1)
    report = clean(root, "*")
    assert "it belongs to uid 12345" in report.problems[0]
    assert there(root) == {"a"}


def test_folders_of_tmaxd_are_not_gone_into(root: Path) -> None:
    make(root, "state/demo/state.db", "other/x")
    facts = (root / "state").stat()
    never = frozenset({(facts.st_dev, facts.st_ino)})
    report = clean(root, "**/*", never=never)
    assert there(root) == {"state", "state/demo", "state/demo/state.db", "other"}
    assert report.problems == [f"{root}/state: it is a folder of tmaxd itself; it is left alone"]
    inside = root / "state/demo"
    report = clean(inside, "*", never=never)
    assert "lies in one" in report.problems[0]
    assert (inside / "state.db").exists()


# ----------------------------------------------------------------------- what leads out, or changes


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    made = tmp_path / "outside"
    make(made, "precious", "deep/precious")
    return made


def test_no_link_is_followed(root: Path, outside: Path) -> None:
    (root / "to-root").symlink_to("/")
    (root / "d").mkdir()
    (root / "d/out").symlink_to(outside)
    (root / "up").symlink_to("..")
    report = clean(root, "**/*", "**/")
    assert there(root) == set(), "the links themselves go"
    assert report.count == 4
    assert there(outside) == {"precious", "deep", "deep/precious"}


def test_a_folder_that_becomes_a_link_under_the_sweep(
    root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(root, "d/precious")

    def swap() -> None:
        os.rename(root / "d", root / "was")
        (root / "d").symlink_to(outside)

    at_failpoint(monkeypatch, "sweep.before_open", swap)
    report = clean(root, "d/*")
    assert report.problems == [f"{root}/d: it changed while it was looked at; it is left alone"]
    assert there(outside) == {"precious", "deep", "deep/precious"}
    assert (root / "was/precious").exists()


def test_a_folder_that_is_moved_out_under_the_sweep(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(root, "a/d/precious")
    at_failpoint(
        monkeypatch, "sweep.before_check", lambda: os.rename(root / "a", tmp_path / "moved")
    )
    report = clean(root, "a/d/*")
    assert "its folder was moved meanwhile" in report.problems[0]
    assert (tmp_path / "moved/d/precious").exists()


@pytest.mark.parametrize("how", ["another file", "a link", "a folder", "written again", "gone"])
def test_a_file_that_changes_under_the_sweep_stays(
    root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    make(root, "a", at=NOW - 100)
    path = root / "a"

    def change() -> None:
        if how == "written again":
            path.write_text("new")
            return
        if how == "another file":
            make(root, "new", at=NOW - 100)
            os.rename(root / "new", path)
            return
        path.unlink()
        if how == "a link":
            path.symlink_to(outside)
        elif how == "a folder":
            path.mkdir()

    at_failpoint(monkeypatch, "sweep.before_check", change)
    report = clean(root, "*", before=NOW - 60)
    assert report.count == 0
    if how == "gone":
        assert report.problems == []
        return
    assert os.path.lexists(path)
    assert report.problems == [f"{path}: it changed while it was looked at; it is left alone"]


@pytest.mark.parametrize("kind", ["tmpfs", "bind"])
def test_mount_points_are_not_crossed(root: Path, outside: Path, kind: str) -> None:
    (root / "mounted").mkdir()
    (root / "a").mkdir()
    argv = {
        "tmpfs": ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(root / "mounted")],
        "bind": ["mount", "--bind", str(outside), str(root / "mounted")],
    }[kind]
    try:
        done = subprocess.run(argv, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount(8)")
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.decode()}")
    try:
        make(root / "mounted", "precious")
        report = clean(root, "**/*", "**/")
        assert there(root) >= {"mounted", "mounted/precious"}
        assert report.problems[0] == (
            f"{root}/mounted: something else is mounted there; it is left alone"
        )
        assert not (root / "a").exists()
    finally:
        subprocess.run(["umount", str(root / "mounted")], check=True)
    assert (outside / "precious").exists()


def test_what_may_not_be_removed_is_told_and_the_rest_goes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(root, "a", "b", "c")
    real = os.unlink

    def refuse(name: str, *, dir_fd: int) -> None:
        if name == "b":
            raise PermissionError(13, "Permission denied")
        real(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", refuse)
    report = clean(root, "*")
    assert there(root) == {"b"}
    assert report.count == 2
    assert report.problems == [f"{root}/b: it cannot be removed: Permission denied"]


def test_a_tree_that_is_too_deep_is_left(root: Path) -> None:
    at = os.open(root, os.O_RDONLY)
    for _ in range(sweeping.DEPTH + 50):  # longer than a path may be
        os.mkdir("d" * 60, dir_fd=at)
        below = os.open("d" * 60, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(os.open("precious", os.O_CREAT | os.O_WRONLY, dir_fd=at))
    make(root, "a")
    report = clean(root, "**/*")
    assert report.count == 1
    assert len(report.problems) == 1
    assert f"it is more than {sweeping.DEPTH} folders deep" in report.problems[0]
    os.stat("precious", dir_fd=at)
    os.close(at)


def test_many_files_take_little_memory(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each name is met when it is needed: none is read ahead, or kept."""
    import tracemalloc

    monkeypatch.setattr(sweeping, "REST", 0.0)
    count = 20_000
    for number in range(count):
        os.close(os.open(f"{root}/{number}", os.O_CREAT | os.O_WRONLY))
    tracemalloc.start()
    try:
        report = clean(root, "*")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (report.count, there(root)) == (count, set())
    assert peak < 500_000


# ---------------------------------------------------------------------------------- off the loop


def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "SLICE", 1)
    monkeypatch.setattr(sweeping, "REST", 0.01)


def test_a_cancelled_sweep_has_stopped(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow(monkeypatch)
    make(root, *(str(number) for number in range(2000)))

    async def body() -> None:
        report = Report()
        order = Sweep(globs=(f"{root}/*",), roots=(str(root),), dry=False)
        task = asyncio.ensure_future(FileSweeper([]).sweep(order, report))
        await until(lambda: report.count > 2, "it has begun")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        left = len(there(root))
        assert left == 2000 - report.count
        await asyncio.sleep(0.05)  # five slices
        assert len(there(root)) == left

    asyncio.run(body())
    assert 0 < len(there(root)) < 2000


def test_the_loop_goes_on_meanwhile(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow(monkeypatch)
    make(root, *(str(number) for number in range(50)))
    turns: list[float] = []

    async def body() -> None:
        order = Sweep(globs=(f"{root}/*",), roots=(str(root),), dry=False)
        report = Report()
        task = asyncio.ensure_future(FileSweeper([]).sweep(order, report))
        while not task.done():
            turns.append(time.monotonic())
            await asyncio.sleep(0.001)
        await task
        assert report.count == 50

    asyncio.run(body())
    assert len(turns) > 20


# ----------------------------------------------------------------------------------- the property


@pytest.fixture
def restless(root: Path, outside: Path) -> Iterator[threading.Event]:
    """Somebody swaps folders of the root for links to the outside and back, and moves them out and in."""
    stop = threading.Event()
    spot, was, away = root / "spot", root / "was", outside.parent / "away"

    def run() -> None:
        while not stop.is_set():
            os.rename(spot, was)
            os.symlink(outside, spot)
            os.unlink(spot) if os.path.islink(spot) else None
            os.rename(was, away)
            os.rename(away, spot)

    make(root, "spot/deep/young")
    mover = threading.Thread(target=run)
    mover.start()
    yield stop
    stop.set()
    mover.join()


def test_nothing_outside_ever_goes_whatever_moves(
    root: Path, outside: Path, restless: threading.Event
) -> None:
    """Names outside are the same as inside: whoever is led out finds what to remove. Links to the outside may go."""
    end = time.monotonic() + 1.5
    gone = rounds = 0
    while time.monotonic() < end:
        rounds += 1
        for name in ("precious", "deep/precious"):
            try:
                fd = os.open(root / "spot" / name, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW)
                os.close(fd)
            except OSError:
                continue
        gone += clean(root, "*/precious", "**/precious").count
        assert there(outside) == {"precious", "deep", "deep/precious"}
    assert not restless.is_set()
    assert rounds > 20
    assert gone > 0, "it does remove what is inside"
