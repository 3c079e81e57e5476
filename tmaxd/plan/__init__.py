"""What should happen next: `plan(spec, observed, history, now)`. Values only."""
