"""How our tmux server is set up: its options, and the anchor session that holds the control client.

The options are put to the server by each client that starts it or attaches, so they also hold on a server
that an earlier daemon, or a service manager, has started. No configuration file is involved.
"""

from __future__ import annotations

from tmaxd.world.tmux.quoting import Command, CommandList

ANCHOR = "tmaxd"
"""The anchor session. A worker's name ends in a number, so the two never meet."""

COLUMNS, ROWS = 220, 50
"""Size of a session that nobody has attached to. tmux's own default, 80x24, wraps what programs print and
so spoils the text that is read back."""

HISTORY_LINES = 2000
"""Scrollback a pane. Logs go to files; 128 panes of 220 columns at most cost some tens of MB this way."""

IDENTITY: Command = ("display-message", "-p", "#{pid} #{start_time} #{version}")

_NEEDED: CommandList = (
    # The worker's end must leave its pane, with the exit status, for us to read.
    ("set-option", "-wg", "remain-on-exit", "on"),
    # A fleet of zero workers, or one whose anchor was killed, keeps its server.
    ("set-option", "-s", "exit-empty", "off"),
    ("set-option", "-s", "exit-unattached", "off"),
    # Nothing of the environment of a person who attaches may reach a worker.
    ("set-option", "-g", "update-environment", ""),
    ("set-option", "-g", "destroy-unattached", "off"),
    ("set-option", "-g", "default-size", f"{COLUMNS}x{ROWS}"),
    ("set-option", "-g", "history-limit", str(HISTORY_LINES)),
)

_COMFORT: CommandList = (
    ("set-option", "-s", "default-terminal", "tmux-256color"),
    ("set-option", "-s", "escape-time", "0"),
    # A person who attaches gets the window in the size of the own terminal; our client has none.
    ("set-option", "-wg", "window-size", "latest"),
    # Names are identities here: neither tmux nor the program may change them.
    ("set-option", "-wg", "allow-rename", "off"),
    ("set-option", "-wg", "automatic-rename", "off"),
    ("set-option", "-g", "set-titles", "off"),
    ("set-option", "-g", "mouse", "on"),
    ("set-option", "-g", "visual-activity", "off"),
    ("set-option", "-g", "visual-bell", "off"),
    ("set-option", "-g", "visual-silence", "off"),
    ("set-option", "-g", "bell-action", "none"),
    ("set-option", "-g", "status-left-length", "90"),
    ("set-option", "-g", "status-left", "#[bold] #{@tmax_fleet} #[nobold]#{@tmax_worker} "),
    ("set-option", "-g", "status-right", " %H:%M "),
    ("set-option", "-g", "status-interval", "60"),
)


def setup(fleet: str) -> list[CommandList]:
    """The lists that set the server up; the first must succeed, the others may fail on a tmux that knows
    an option no more."""
    anchor: CommandList = (
        ("set-option", "-t", f"={ANCHOR}:", "@tmax_fleet", fleet),
        ("set-option", "-t", f"={ANCHOR}:", "@tmax_anchor", "1"),
    )
    return [(*_NEEDED, *anchor), *((command,) for command in _COMFORT)]


def anchor_session(*flags: str) -> list[str]:
    """The command that creates the anchor. Its program does nothing, for ever, on every system."""
    size = ("-x", str(COLUMNS), "-y", str(ROWS))
    program = ("tail", "-f", "/dev/null")
    return ["new-session", *flags, "-s", ANCHOR, *size, "-c", "/", "--", *program]
