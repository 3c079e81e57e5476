"""`state.db`: the Journal port on SQLite in WAL mode. See `schema` for what is on disk."""

from tmaxd.world.journal.journal import SqliteJournal, open_journal

__all__ = ["SqliteJournal", "open_journal"]
