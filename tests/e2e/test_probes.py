"""Workers that are asked from outside: real programs in real panes that are slow, or hang, or fall silent."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from tests.e2e.fleet import Fleet
from tests.e2e.marks import alive
from tests.e2e.programs import idle, ledger_task

LISTEN = """\
import os, socket, sys, time
folder, port = sys.argv[1], int(sys.argv[2])
print("starting", flush=True)
while not os.path.exists(folder + "/open"):
    time.sleep(0.01)
server = socket.create_server(("127.0.0.1", port))
while True:
    server.accept()[0].close()
"""

SERVE = """\
import http.server, os, sys
folder, port = sys.argv[1], int(sys.argv[2])

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ill = os.path.exists(folder + "/ill")
        self.send_response(503 if ill else 200)
        self.end_headers()
        self.wfile.write(b"no database" if ill else b"fine")

    def log_message(self, *_):
        pass

http.server.HTTPServer(("127.0.0.1", port), Page).serve_forever()
"""

PROMPT = """\
printf 'loading\\n'
while [[ ! -e ${0%/*}/open ]]; do sleep 0.02; done
printf '\\033[1;32mme@here\\033[0m:~$ '
exec sleep 1000000
"""

TALK = """\
while [[ ! -e ${0%/*}/quiet ]]; do echo "still here"; sleep 0.05; done
rm "${0%/*}/quiet"
exec sleep 1000000
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def program(fleet: Fleet, name: str, text: str) -> str:
    path = fleet.folder / name
    path.write_text(text)
    return str(path)


def state(fleet: Fleet, worker: str) -> tuple[str, bool]:
    seen = fleet.worker(worker)
    return seen["state"], bool(seen.get("ready"))


def test_a_worker_that_listens_after_a_while(fleet: Fleet) -> None:
    port = free_port()
    argv = [sys.executable, program(fleet, "listen.py", LISTEN), str(fleet.folder), str(port)]
    fleet.write({"web": {"run": argv, "ready": {"tcp": f"127.0.0.1:{port}", "every": "100ms"}}})
    fleet.start(settled=False)
    fleet.wait_for(
        lambda: "connection refused" in fleet.worker("web-1").get("message", ""),
        "it says why it is not ready",
    )
    assert state(fleet, "web-1") == ("starting", False)
    assert fleet.group("web")["ready"] == 0
    (fleet.folder / "open").touch()
    fleet.wait_for(lambda: state(fleet, "web-1") == ("running", True), "it is ready")
    fleet.settle()
    seen = fleet.worker("web-1")
    assert (seen["restarts"], seen["message"]) == (0, "")
    (event,) = fleet.events("ready", worker="web-1")
    assert event["how"] == "tcp"


def test_a_prompt_makes_a_shell_ready_also_for_the_next_daemon(fleet: Fleet) -> None:
    script = program(fleet, "prompt.sh", PROMPT)
    fleet.write({"shell": {"run": ["bash", script], "ready": {"output": r"\$ $"}}})
    fleet.start(settled=False)
    fleet.wait_for(
        lambda: fleet.worker("shell-1").get("message", "").endswith("; its last line: loading"),
        "its last line is shown",
    )
    pid = fleet.worker("shell-1")["pid"]
    fleet.kill9()  # the next daemon must know where the output of this run begins
    fleet.start(settled=False)
    fleet.wait_for(lambda: fleet.worker("shell-1")["state"] == "starting", "it is waited for")
    (fleet.folder / "open").touch()
    fleet.wait_for(lambda: state(fleet, "shell-1") == ("running", True), "it is ready")
    fleet.kill9()  # what was ready stays ready
    (fleet.places.logs / "shell-1.log").unlink()
    fleet.start(settled=False)
    fleet.wait_for(lambda: state(fleet, "shell-1") == ("running", True), "it still is")
    assert fleet.worker("shell-1")["pid"] == pid
    assert len(fleet.events("ready", worker="shell-1")) == 1


def test_a_worker_that_hangs_is_replaced(fleet: Fleet) -> None:
    """It lives, but its check fails: seen, said, ended, started again."""
    check = program(
        fleet,
        "check.sh",
        'printf "%s of %s: no answer" "$TMAX_WORKER" "$MARK"; [[ ! -e ${0%/*}/ill ]]\n',
    )
    health = {"exec": ["bash", check], "every": "100ms", "failures": 2}
    fleet.write({"app": idle(1, env={"MARK": "m"}, health=health)})
    fleet.start()
    first = fleet.worker("app-1")["pid"]
    fleet.wait_for(lambda: fleet.worker("app-1")["pid"] == first, "it runs")
    (fleet.folder / "ill").touch()
    fleet.wait_for(lambda: fleet.events("unhealthy", worker="app-1"), "it is seen")
    (fleet.folder / "ill").unlink()
    fleet.wait_for(lambda: fleet.worker("app-1")["pid"] not in (None, first), "there is a new one")
    fleet.settle()
    (failed, *_) = fleet.events("probe_failed", worker="app-1")
    assert failed["text"].endswith("exit status 1\napp-1 of m: no answer")
    (ended, *_) = fleet.events("ended", worker="app-1")
    assert ended["reason"] == "unhealthy"


def test_a_probe_that_hangs_is_ended_and_counts(fleet: Fleet) -> None:
    """The worker is only reported; nothing of the probes is left when the fleet goes down (see `Fleet.close`)."""
    check = program(fleet, "check.sh", "trap '' TERM\nsleep 1000 &\nwait\n")
    health = {
        "exec": ["bash", check],
        "every": "50ms",
        "timeout": "200ms",
        "failures": 2,
        "then": "report",
    }
    fleet.write({"app": idle(1, health=health)})
    fleet.start(settled=False)
    fleet.wait_for(
        lambda: fleet.worker("app-1").get("message", "").startswith("unhealthy: exec bash"),
        "status says so",
    )
    seen = fleet.worker("app-1")
    assert seen["message"].endswith("has not ended within 0.2 s, and was killed")
    assert (seen["restarts"], seen["state"]) == (0, "unhealthy")


def test_a_probe_that_outlives_its_daemon_is_ended_by_the_next(fleet: Fleet) -> None:
    check = program(fleet, "check.sh", "echo $$ >> pids\nexec sleep 1000000\n")
    health = {"exec": ["bash", check], "timeout": "5m", "then": "report"}
    fleet.write({"app": idle(1, cwd=str(fleet.folder), health=health)})
    fleet.start(settled=False)
    pids = fleet.folder / "pids"
    fleet.wait_for(lambda: read(pids), "it is asked")
    fleet.kill9()
    (first,) = read(pids)
    assert alive(first)
    fleet.start(settled=False)
    fleet.wait_for(lambda: len(read(pids)) == 2, "it is asked anew")
    fleet.wait_for(lambda: not alive(first), "the other one is gone")
    assert fleet.worker("app-1")["restarts"] == 0
    assert alive(read(pids)[1])


def read(path: Path) -> list[int]:
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def test_a_page_that_refuses_is_reported_until_it_is_well(fleet: Fleet) -> None:
    port = free_port()
    argv = [sys.executable, program(fleet, "serve.py", SERVE), str(fleet.folder), str(port)]
    url = f"http://localhost:{port}/health"
    health = {"http": url, "every": "50ms", "failures": 1, "then": "report"}
    fleet.write({"web": {"run": argv, "ready": {"http": url}, "health": health}})
    fleet.start(settled=False)
    fleet.wait_for(lambda: state(fleet, "web-1") == ("running", True), "it is ready")
    pid = fleet.worker("web-1")["pid"]
    (fleet.folder / "ill").touch()
    fleet.wait_for(
        lambda: (
            fleet.worker("web-1")["message"] == f"unhealthy: http {url}: status 503\nno database"
        ),
        "it says what it said",
    )
    (fleet.folder / "ill").unlink()
    fleet.wait_for(lambda: fleet.events("healthy", worker="web-1"), "it is well again")
    assert fleet.worker("web-1")["message"] == ""
    assert fleet.worker("web-1")["pid"] == pid


def test_a_terminal_that_falls_silent(fleet: Fleet) -> None:
    script = program(fleet, "talk.sh", TALK)
    fleet.write({"talk": {"run": ["bash", script], "health": {"output": "1s"}}})
    fleet.start()
    first = fleet.worker("talk-1")["pid"]
    (fleet.folder / "quiet").touch()
    fleet.wait_for(lambda: fleet.worker("talk-1")["pid"] not in (None, first), "there is a new one")
    (event, *_) = fleet.events("unhealthy", worker="talk-1")
    assert event["probe"] == "output"
    assert "output 1 s: nothing for 1" in event["text"]


def test_no_task_before_the_check_is_passed(fleet: Fleet) -> None:
    check = ["test", "-e", str(fleet.folder / "open")]
    fleet.write({"work": ledger_task(fleet.folder, 1, ready={"exec": check, "every": "100ms"})})
    fleet.start(settled=False)
    fleet.submit("work", ["x"])
    fleet.wait_for(
        lambda: fleet.worker("work-1").get("message", "").startswith("not ready yet: exec test"),
        "it waits",
    )
    assert (fleet.group("work")["queued"], fleet.worker("work-1")["in_flight"]) == (1, 0)
    (fleet.folder / "open").touch()
    fleet.await_done("work", 1)
    assert Path(fleet.folder / "ledger").read_text() == "x\n"
