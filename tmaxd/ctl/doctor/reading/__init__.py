"""Looks at the world for the doctor: only reads, judges nothing, and has an answer where nothing can be read."""
