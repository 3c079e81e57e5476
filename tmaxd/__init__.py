"""tmaxd: a declarative supervisor for fleets of terminal workers in tmux."""

__version__ = "0.1.0.dev0"
