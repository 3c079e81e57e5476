"""What is sent to a worker that is to end, as it is told."""

from __future__ import annotations

from tmaxd.testing.simulation import Simulation

SPEC = """\
version: 1
fleet: sim
workers:
  shell: {count: 2, run: [bash, -i], cwd: /sim}
"""


def test_who_ignores_the_signal_is_told_that_its_terminal_hangs_up_and_the_event_says_so() -> None:
    sim = Simulation(SPEC)
    try:
        sim.start()
        sim.settle()
        deaf = sim.tmux.session("shell-1").pid
        sim.processes.ignore_term(deaf)
        sim.edit(SPEC.replace("count: 2", "count: 0"))
        sim.reload()
        sim.settle()
        told = [line for line in sim.log.getvalue().splitlines() if " signal " in line]
        signals = {line.split("worker=")[1].split()[0]: line for line in told if "TERM" in line}
        assert f"hangup={deaf}" in signals["shell-1"]
        assert "hangup" not in signals["shell-2"]
    finally:
        sim.close()
