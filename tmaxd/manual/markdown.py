"""Our own pages of documentation as parts of a manual page: the markdown that they use, and no more of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tmaxd.manual.roff import Page, bold, marked

_CELLS = re.compile(r"(?<!\\)\|")


def add(page: Page, text: str) -> None:
    """Headings become sections, the rows of tables tagged paragraphs: the first cell is the tag, the last one the text,
    and what is between them stands before that with its heading."""
    for block in blocks(text):
        first = block[0]
        if first.startswith("#"):
            page.section(first.lstrip("# ").replace("`", ""))
        elif first.startswith("|"):
            _table(page, block)
        elif first.startswith("* "):
            for item in _items(block):
                page.bullet(item)
        else:
            page.paragraph(" ".join(block))


def blocks(text: str) -> Iterator[list[str]]:
    """Lines that belong together; a heading is a block of its own."""
    block: list[str] = []
    for line in text.splitlines():
        if (not line.strip() or line.startswith("#")) and block:
            yield block
            block = []
        if line.startswith("#"):
            yield [line]
        elif line.strip():
            block.append(line)
    if block:
        yield block


def _items(block: list[str]) -> Iterator[str]:
    item = ""
    for line in block:
        if line.startswith("* "):
            if item:
                yield item
            item = line[2:]
        else:
            item += f" {line.strip()}"
    yield item


def cells(row: str) -> list[str]:
    inner = row.strip().removeprefix("|").removesuffix("|")
    return [cell.strip().replace("\\|", "|") for cell in _CELLS.split(inner)]


def _table(page: Page, block: list[str]) -> None:
    titles = cells(block[0])
    for row in block[2:]:
        tag, *between, text = cells(row)
        pairs = zip(titles[1:], between, strict=False)
        facts = "; ".join(f"*{title}*: {cell}" for title, cell in pairs if cell)
        end = "" if not facts or facts.endswith(".") else "."
        plain = tag.replace("`", "")
        page.term(bold(plain) if f"`{plain}`" == tag else marked(tag), f"{facts}{end} {text}")
