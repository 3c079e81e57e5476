"""The memory store's rules: names, values, limits, and what an operation does to what is there. No disk, no clock."""
