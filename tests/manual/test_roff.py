"""Text as roff, and our pages as parts of a manual page."""

from __future__ import annotations

import pytest

from tmaxd.manual import markdown
from tmaxd.manual.roff import Page, bold, escaped, marked


@pytest.mark.parametrize(
    ("text", "roff"),
    [
        ("plain words", "plain words"),
        ("a-b \\n", r"a\-b \(rsn"),
        ("'tis", r"\(aqtis"),
        ('~/x^2 `a` "b"', r"\(ti/x\(ha2 \(gaa\(ga \(dqb\(dq"),
        ("a … b", r"a \[u2026] b"),
        ("\U0001f600", r"\[u1F600]"),
    ],
)
def test_everything_stands_for_itself(text: str, roff: str) -> None:
    assert escaped(text) == roff


def test_markup_becomes_fonts() -> None:
    assert marked("**Sizes**: `64KiB`, *not* 3*4*5") == r"\fBSizes\fR: \fB64KiB\fR, \fInot\fR 3*4*5"
    assert marked("see [spec.md](spec.md).") == "see spec.md (spec.md)."
    assert marked("`a-b*c*`") == r"\fBa\-b*c*\fR"
    assert bold("--wait") == r"\fB\-\-wait\fR"


def test_no_text_is_a_command() -> None:
    """A dot at the beginning of a line would make one of it."""
    page = Page("x", 1, "is x", "0")
    page.paragraph(".x `.y` .z")
    page.term(".t", ".u")
    assert body(page) == [".PP", r"\&.x \fB.y\fR .z", ".TP", r"\&.t", r"\&.u"]


def body(page: Page) -> list[str]:
    return page.text().splitlines()[6:]


def test_markdown_becomes_a_page() -> None:
    page = Page("x", 1, "is x", "0")
    markdown.add(
        page,
        "# Head `a`\n\nOne\ntwo.\n\n* b\n  c\n* d\n\n| key | kind | text |\n|-|-|-|\n| `k` | a\\|b | T |\n",
    )
    assert body(page) == [
        '.SH "HEAD A"',
        ".PP",
        "One two.",
        r".IP \(bu 2",
        "b c",
        r".IP \(bu 2",
        "d",
        ".TP",
        r"\fBk\fR",
        r"\fIkind\fR: a|b. T",
    ]


def test_examples_stay_as_they_are() -> None:
    page = Page("x", 1, "is x", "0")
    page.example(["a  b", "", ".c"])
    assert body(page) == [".PP", ".RS 4", ".nf", "a  b", r"\&", r"\&.c", ".fi", ".RE"]
