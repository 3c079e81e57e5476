"""The manual pages `man/*`, made of what `--help` and docs/spec.md are made of. Used when tmaxd is developed only."""
