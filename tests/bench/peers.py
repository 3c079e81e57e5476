"""Other programs of this kind, installed into a folder of the bench's own; never a dependency of the product."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import msgspec

HOME = Path(__file__).parents[2] / "build" / "peers"
PYTHON_PEERS = ("supervisor", "circus", "setuptools")
"""supervisor 4 still asks for pkg_resources."""
NODE_PEERS = ("pm2",)


class Peers(msgspec.Struct, frozen=True):
    """Folders with their commands."""

    python: Path
    node: Path

    def missing(self) -> list[str]:
        wanted = {
            "supervisord": self.python,
            "circus": self.python,
            "pm2": self.node,
        }
        commands = {"circus": "circusd"}
        return [name for name, at in wanted.items() if not (at / commands.get(name, name)).exists()]


def peers() -> Peers:
    """Where they are, or would be."""
    return Peers(HOME / "py" / "bin", HOME / "node" / "node_modules" / ".bin")


def versions(found: Peers) -> dict[str, str]:
    """Of those that are installed."""
    texts = {
        path.name.partition("-")[0]: path.name.split("-")[1].removesuffix(".dist")
        for path in found.python.parent.glob("lib/*/site-packages/*.dist-info")
    }
    known = {name: text for name, text in texts.items() if name in PYTHON_PEERS[:2]}
    package = found.node.parent / "pm2" / "package.json"
    if package.exists():
        known["pm2"] = str(msgspec.json.decode(package.read_bytes())["version"])
    return known


def install() -> Peers:
    """Install what is not there yet; what cannot be had is left out, and the table says so."""
    found = peers()
    if not (found.python / "circusd").exists():
        venv.create(HOME / "py", with_pip=True)
        _try([str(found.python / "python"), "-m", "pip", "install", "-q", *PYTHON_PEERS])
    if not (found.node / "pm2").exists() and shutil.which("npm"):
        quiet = ("--silent", "--no-audit", "--no-fund")
        _try(["npm", "install", *quiet, "--prefix", str(HOME / "node"), *NODE_PEERS])
    return found


def _try(argv: list[str]) -> None:
    code = subprocess.run(argv, stdout=subprocess.DEVNULL, check=False).returncode
    if code:
        sys.stderr.write(f"{argv[0]} failed with exit status {code}\n")
