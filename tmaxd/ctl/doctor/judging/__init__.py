"""Findings from what was seen: a file for each part of the world. Pure."""
