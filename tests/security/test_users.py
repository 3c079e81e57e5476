"""Another user of the machine tries the sockets, the state and the logs, though somebody has opened the folders above
them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.fleet import Fleet
from tests.e2e.programs import idle

NOBODY = 65534

TRY = f"""
import os, socket, sys
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
for path in sys.argv[1:]:
    try:
        if path.endswith(".sock"):
            socket.socket(socket.AF_UNIX).connect(path)
        else:
            os.open(path, os.O_RDWR | os.O_NONBLOCK)
        print("got in:", path)
    except PermissionError:
        print("denied:", path)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_gets_nowhere(fleet: Fleet) -> None:
    fleet.write({"idle": idle(1)})
    fleet.start()
    fleet.folder.chmod(0o755)
    for root in (fleet.places.runtime.parent, fleet.places.state.parent):
        root.chmod(0o755)
    here = fleet.places
    sought: list[Path] = [
        here.api_socket,
        here.tmux_socket,
        here.database,
        here.lock,
        here.pipes,
        here.logs,
    ]
    said = subprocess.run(
        [sys.executable, "-c", TRY, *map(str, sought)],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout.splitlines()
    assert said == [f"denied: {path}" for path in sought]
