"""`tmaxctl(1)`, made of the verbs' own help."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc

import click

import tmaxd
from tmaxd.ctl.main import EPILOG, VERBS, group
from tmaxd.manual.roff import Page, bold, escaped, italic

SUMMARY = "drive a fleet of terminal workers that tmaxd keeps"

ENVIRONMENT = {
    "TMAX_FLEET": "The fleet that is meant where `--fleet` names none.",
    "TMAX_RUNTIME_DIR, TMAX_STATE_DIR": "Where fleets live; see *tmaxd*(1).",
    "NO_COLOR": "No colours, whatever the terminal can show.",
}


def text() -> str:
    page = Page("tmaxctl", 1, SUMMARY, tmaxd.__version__)
    root = click.Context(group, info_name="tmaxctl", **group.context_settings)
    page.section("Synopsis")
    page.raw(
        f"{bold('tmaxctl')} {escaped('[')}{italic('OPTIONS')}{escaped(']')} {italic('COMMAND')} [{italic('ARGS')}]"
    )
    page.section("Description")
    _prose(page, group.help or "")
    _options(page, group, root)
    page.section("Commands")
    for name in VERBS:
        command = group.get_command(root, name)
        assert command is not None  # noqa: S101  its name is one of the list
        _command(page, command, click.Context(command, parent=root, info_name=name))
    _ending(page)
    return page.text()


def _command(page: Page, command: click.Command, context: click.Context) -> None:
    """The command with its options, then the commands below it."""
    usage = " ".join(command.collect_usage_pieces(context))
    page.part(f"{context.command_path} {usage}")
    _prose(page, command.help or command.short_help or "")
    _options(page, command, context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                _command(page, below, click.Context(below, parent=context, info_name=name))


def _prose(page: Page, help_text: str) -> None:
    for paragraph in paragraphs(help_text):
        if paragraph[0] == "\b":  # click: the lines are kept as they are
            page.example(paragraph[1:])
        else:
            page.paragraph(" ".join(paragraph))


def paragraphs(help_text: str) -> Iterator[list[str]]:
    block: list[str] = []
    for line in cleandoc(help_text).split("\f")[0].splitlines():
        if line.strip(" "):
            block.append(line.strip() if line.strip(" ") == "\b" else line)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _options(page: Page, command: click.Command, context: click.Context) -> None:
    """Arguments stand in the usage; how to ask for help is said once."""
    for parameter in command.get_params(context):
        if isinstance(parameter, click.Argument) or (context.parent and "--help" in parameter.opts):
            continue
        record = parameter.get_help_record(context)
        if record is not None:
            page.term(_names(record[0]), record[1])


def _names(words: str) -> str:
    """`-o, --output [table|json]`: names bold, what they take in italics."""
    parts: list[str] = []
    for word in words.split(" "):
        name = word.rstrip(",")
        comma = word[len(name) :]
        is_name = name.startswith("-")
        parts.append((bold(name) if is_name else italic(name) if name else "") + comma)
    return " ".join(parts)


def _ending(page: Page) -> None:
    page.section("Exit status")
    for part in EPILOG.removeprefix("Exit codes: ").removesuffix(".").split(", "):
        code, _, meaning = part.partition(" ")
        page.term(bold(code), meaning)
    page.section("Environment")
    for names, meaning in ENVIRONMENT.items():
        page.term(bold(names), meaning)
    page.section("See also")
    page.raw(", ".join(f"{bold(name)}({section})" for name, section in SEE_ALSO))


SEE_ALSO = (("tmaxd", 1), ("tmax.yaml", 5), ("tmux", 1))
