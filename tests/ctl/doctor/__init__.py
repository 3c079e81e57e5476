"""`tmaxctl doctor`: judging by tables of readings, reading and repairs on real files, and the verb itself."""
