"""The units of the spec as types of their own, so that no number is read in the wrong one."""

from __future__ import annotations


class Duration(float):
    """Seconds, written `500ms`, `30s`, `5m`, `2h`, `1d`."""


class Size(int):
    """Bytes, written `4096`, `64KiB`, `512MiB`, `2GiB`."""
