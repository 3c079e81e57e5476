"""`tmaxctl schema`: the files that describe tmaxd's input to editors and programs."""

from __future__ import annotations

import json
from pathlib import Path

import click

import tmaxd
from tmaxd.ctl.console import Console
from tmaxd.ctl.errors import CtlError
from tmaxd.ctl.options import verb


@click.command("schema", short_help="Print the JSON Schema of the spec, or the API's description.")
@click.option("--api", is_flag=True, help="The API's OpenAPI description instead (YAML).")
@verb
def command(console: Console, api: bool) -> None:
    """Print the JSON Schema of tmax.yaml, for editors. `-o json` prints either on one line."""
    text = _find("api.openapi.yaml" if api else "tmax.schema.json").read_text(encoding="utf-8")
    if not console.as_json:
        click.echo(text, nl=not text.endswith("\n"))
    elif api:
        import yaml

        console.json(yaml.safe_load(text))
    else:
        console.json(json.loads(text))


def _find(name: str) -> Path:
    """In an installed package the schemas lie inside it, in a checkout beside it."""
    package = Path(tmaxd.__file__).parent
    for folder in (package / "_shipped" / "schemas", package.parent / "schemas"):
        if (folder / name).is_file():
            return folder / name
    raise CtlError(f"{name} is not part of this installation ({package})", "not_installed")
