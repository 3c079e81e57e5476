"""Other programs of this kind, installed into a folder of the bench's own; never a dependency of the product."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import msgspec

HOME = Path(__file__).parents[2] / "build" / "peers"
PYTHON_PEERS = ("supervisor", "circus", "setuptools", "redis", "hiredis")
"""supervisor 4 still asks for pkg_resources. hiredis is what makes the Redis client fast."""
NODE_PEERS = ("pm2",)
DEBIAN_PEERS = ("redis-server", "redis-tools", "liblzf1", "libjemalloc2", "libatomic1")
"""Unpacked, not installed: so no service is started, and nothing of the system is touched."""


class Peers(msgspec.Struct, frozen=True):
    """Folders with their commands."""

    python: Path
    node: Path
    debian: Path
    """Where Debian's packages are unpacked."""

    def missing(self) -> list[str]:
        wanted = {
            "supervisord": self.python / "supervisord",
            "circus": self.python / "circusd",
            "pm2": self.node / "pm2",
            "redis": self.redis_client,
        }
        missing = [name for name, file in wanted.items() if not file.exists()]
        if "redis" not in missing and self.redis_server is None:
            missing.append("redis")
        return missing

    @property
    def redis_client(self) -> Path:
        return self.python / "redis-client-installed"

    @property
    def redis_server(self) -> str | None:
        """The system's own, where there is one."""
        unpacked = self.debian / "usr" / "bin" / "redis-server"
        return str(unpacked) if unpacked.exists() else shutil.which("redis-server")

    @property
    def libraries(self) -> str:
        """For LD_LIBRARY_PATH."""
        return ":".join(map(str, self.debian.glob("usr/lib/*")))


def peers() -> Peers:
    """Where they are, or would be."""
    node = HOME / "node" / "node_modules" / ".bin"
    return Peers(python=HOME / "py" / "bin", node=node, debian=HOME / "debian")


def versions(found: Peers) -> dict[str, str]:
    """Of those that are installed."""
    texts = {
        path.name.partition("-")[0]: path.name.split("-")[1].removesuffix(".dist")
        for path in found.python.parent.glob("lib/*/site-packages/*.dist-info")
    }
    known = {name: text for name, text in texts.items() if name in ("supervisor", "circus")}
    if "redis" not in found.missing():
        known |= {
            "redis": _server_version(found),
            "redis-py": texts["redis"],
            "hiredis": texts["hiredis"],
        }
    package = found.node.parent / "pm2" / "package.json"
    if package.exists():
        known["pm2"] = str(msgspec.json.decode(package.read_bytes())["version"])
    return known


def _server_version(found: Peers) -> str:
    argv = [found.redis_server or "", "--version"]
    env = {"LD_LIBRARY_PATH": found.libraries}
    text = subprocess.run(argv, capture_output=True, text=True, env=env, check=True).stdout
    return next(word[2:] for word in text.split() if word.startswith("v="))


def install() -> Peers:
    """Install what is not there yet; what cannot be had is left out, and the table says so."""
    found = peers()
    if not (found.python / "circusd").exists() or not found.redis_client.exists():
        if not (found.python / "python").exists():
            venv.create(HOME / "py", with_pip=True)
        argv = [str(found.python / "python"), "-m", "pip", "install", "-q", *PYTHON_PEERS]
        if _try(argv):
            found.redis_client.touch()
    if not (found.node / "pm2").exists() and shutil.which("npm"):
        quiet = ("--silent", "--no-audit", "--no-fund")
        _try(["npm", "install", *quiet, "--prefix", str(HOME / "node"), *NODE_PEERS])
    if found.redis_server is None and shutil.which("apt-get"):
        _unpack(found.debian)
    return found


def _unpack(target: Path) -> None:
    """Fetch Debian's packages and unpack them into a folder of ours."""
    folder = HOME / "packages"
    folder.mkdir(parents=True, exist_ok=True)
    if _try(["apt-get", "download", "-qq", *DEBIAN_PEERS], folder):
        for package in folder.glob("*.deb"):
            _try(["dpkg", "-x", str(package), str(target)])
    shutil.rmtree(folder)


def _try(argv: list[str], cwd: Path | None = None) -> bool:
    code = subprocess.run(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=cwd, check=False
    ).returncode
    if code:
        sys.stderr.write(f"{argv[0]} failed with exit status {code}\n")
    return code == 0
