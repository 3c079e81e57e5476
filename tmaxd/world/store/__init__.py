"""`memory.db`: the Store port on SQLite in WAL mode. See `schema` for what is on disk."""

from tmaxd.world.store.store import SqliteStore

__all__ = ["SqliteStore"]
