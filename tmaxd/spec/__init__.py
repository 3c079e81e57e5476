"""Text to `Spec`: parsing with positions, validation, schema, fingerprints, diff. Values only."""
