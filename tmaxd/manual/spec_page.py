"""`tmax.yaml(5)`: docs/spec.md as a manual page."""

from __future__ import annotations

import tmaxd
from tmaxd.manual import markdown
from tmaxd.manual.roff import Page, bold
from tmaxd.spec import reference

SUMMARY = "the file that declares a fleet of terminal workers"


def text() -> str:
    page = Page("tmax.yaml", 5, SUMMARY, tmaxd.__version__)
    page.section("Description")
    # Its title and the line on how it is made are said here in another way.
    _, _, body = reference.text().partition("do not edit.*\n")
    markdown.add(page, body)
    page.section("See also")
    page.raw(f"{bold('tmaxctl')}(1), {bold('tmaxd')}(1)")
    return page.text()
