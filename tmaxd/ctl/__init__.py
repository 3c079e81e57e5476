"""`tmaxctl`: one verb a file; talks to the daemon over its unix socket."""
