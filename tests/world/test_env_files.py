"""Env files that are ours alone, or a reason; and the key of their seals."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tmaxd.ports import WorldError
from tmaxd.world.env_files import EnvFiles, read_secret, read_variables, unsafe


def file_of(path: Path, text: str = "A=geheim\n", mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o440, 0o660])
def test_private_files_are_read(tmp_path: Path, mode: int) -> None:
    file = file_of(tmp_path / "a.env", mode=mode)
    link = tmp_path / "link"
    link.symlink_to(file)
    assert read_secret(link) == b"A=geheim\n"


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o601])
def test_files_that_are_open_to_others_are_not(tmp_path: Path, mode: int) -> None:
    with pytest.raises(OSError, match=f"open to others \\(mode {mode:04o}\\)"):
        read_secret(file_of(tmp_path / "a.env", mode=mode))


def test_nor_is_what_is_no_file_and_nobody_hangs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    with pytest.raises(OSError, match="not a regular file"):
        read_secret(tmp_path / "fifo")


def test_the_owner_is_we_or_root_and_no_other_group_writes() -> None:
    def there(mode: int, uid: int, gid: int) -> os.stat_result:
        return os.stat_result((stat.S_IFREG | mode, 1, 1, 1, uid, gid, 1, 0, 0, 0))

    assert unsafe(there(0o600, 7, 7), 7, 7) is None
    assert unsafe(there(0o440, 0, 7), 7, 7) is None
    assert "belongs to uid 8" in (unsafe(there(0o600, 8, 7), 7, 7) or "")
    assert "group 9 can write" in (unsafe(there(0o660, 7, 9), 7, 7) or "")


def test_errors_name_file_and_line_and_no_value(tmp_path: Path) -> None:
    good = file_of(tmp_path / "good.env", "A=1\nB=1\n")
    later = file_of(tmp_path / "later.env", "B=2\n")
    assert read_variables([str(good), str(later)]) == {"A": "1", "B": "2"}
    bad = file_of(tmp_path / "bad.env", "A=1\ngeheim\n")
    with pytest.raises(WorldError, match=r"bad\.env is wrong in line 2") as wrong:
        read_variables([str(good), str(bad)])
    assert "geheim" not in str(wrong.value)
    with pytest.raises(WorldError, match="cannot be read: No such file"):
        read_variables([str(tmp_path / "none.env")])


def test_a_seal_is_the_same_for_all_who_have_the_key(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    first = EnvFiles(folder).seal(b"geheim")
    assert EnvFiles(folder).seal(b"geheim") == first
    assert EnvFiles(folder).seal(b"other") != first
    assert EnvFiles(tmp_path / "elsewhere").seal(b"geheim") != first
    assert EnvFiles(None).seal(b"geheim") != first
    assert stat.S_IMODE((folder / "seal.key").stat().st_mode) == 0o600
    assert os.listdir(folder) == ["seal.key"], "nothing else is left behind"


def test_a_key_that_is_not_ours_alone_is_not_used(tmp_path: Path) -> None:
    key = tmp_path / "seal.key"
    key.symlink_to(file_of(tmp_path / "planted", "k" * 32))
    with pytest.raises(OSError, match=r"seal\.key.*remove it"):
        EnvFiles(tmp_path).seal(b"x")
    key.unlink()
    for mode, text in ((0o640, "k" * 32), (0o600, "short")):
        file_of(key, text, mode)
        with pytest.raises(OSError, match=r"ours alone|does not have 32 bytes"):
            EnvFiles(tmp_path).seal(b"x")
