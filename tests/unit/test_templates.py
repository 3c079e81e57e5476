"""The grammar of payload templates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmaxd.templates import PLACEHOLDERS, Mistake, Template, parse

VALUES = {name: name.upper() for name in PLACEHOLDERS}


def filled(text: str) -> str:
    template = parse(text)
    assert isinstance(template, Template)
    return template.fill(VALUES)


def mistakes(text: str) -> tuple[Mistake, ...]:
    found = parse(text)
    assert not isinstance(found, Template)
    return found


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("", ""),
        ("plain\ntext", "plain\ntext"),
        ("{result}", "RESULT"),
        ("{task}/{attempt}: {error}!", "TASK/ATTEMPT: ERROR!"),
        ('{{"id":{task},"of":"{group}"}}', '{"id":TASK,"of":"GROUP"}'),
        ("{{result}}", "{result}"),
        ("{{{result}}}", "{RESULT}"),
        ("{{}}", "{}"),
        ("{{{{", "{{"),
    ],
)
def test_what_a_template_becomes(text: str, becomes: str) -> None:
    assert filled(text) == becomes


@pytest.mark.parametrize(
    ("text", "position", "length", "name", "says"),
    [
        (
            "a {resul} b",
            2,
            7,
            "resul",
            "there is no placeholder {resul}; there are {result}, {error}",
        ),
        ("{ result }", 0, 10, " result ", "there is no placeholder { result }"),
        ("a{}", 1, 2, None, "empty braces"),
        ("a{", 1, 1, None, "this { is never closed"),
        ("{a{result}", 0, 1, None, "this { is never closed"),
        ("a}b", 1, 1, None, "this } closes nothing"),
        ("{{a}", 3, 1, None, "this } closes nothing"),
    ],
)
def test_what_is_wrong_and_where(
    text: str, position: int, length: int, name: str | None, says: str
) -> None:
    (mistake,) = mistakes(text)
    assert (mistake.position, mistake.length, mistake.name) == (position, length, name)
    assert says in mistake.message


def test_every_mistake_is_found() -> None:
    assert [mistake.position for mistake in mistakes('{"a": "{result}", "b": {x}}')] == [0, 23, 26]


def test_the_names_of_a_template() -> None:
    template = parse("{task} {result} {{error}} {task}")
    assert isinstance(template, Template)
    assert template.names == {"task", "result"}


@given(st.text())
def test_a_value_is_never_looked_at_again(value: str) -> None:
    template = parse("<{payload}|{result}>")
    assert isinstance(template, Template)
    assert template.fill({"payload": value, "result": "{payload}"}) == f"<{value}|{{payload}}>"


@given(st.text())
def test_any_text_can_be_said(text: str) -> None:
    assert filled(text.replace("{", "{{").replace("}", "}}")) == text


@given(st.text(st.sampled_from("{}a{result}")))
def test_it_is_right_or_says_where_it_is_not(text: str) -> None:
    found = parse(text)
    if isinstance(found, Template):
        assert found.names <= set(PLACEHOLDERS)
    else:
        assert found
        for mistake in found:
            piece = text[mistake.position : mistake.position + mistake.length]
            assert piece[0] in "{}"
            assert len(piece) == mistake.length
