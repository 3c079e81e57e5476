"""Clean-ups: when each is due, one at a time, and what each removes."""
