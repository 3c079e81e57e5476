"""The API over the unix socket: one verb a file, each a thin skin over the facade."""
