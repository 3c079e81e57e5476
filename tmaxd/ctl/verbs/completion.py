"""`tmaxctl completion SHELL`: the script that makes a shell complete tmaxctl."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from tmaxd.ctl.console import Console
from tmaxd.ctl.errors import CtlError
from tmaxd.ctl.options import verb

VARIABLE = "_TMAXCTL_COMPLETE"
"""Set by the script when the shell asks for completions."""


@click.command("completion", short_help="Print a script that completes tmaxctl in your shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@verb
def command(console: Console, shell: str) -> None:
    """Print a script that completes verbs, options, and the names of the running fleet.

    \b
    bash: eval "$(tmaxctl completion bash)"              in ~/.bashrc
    zsh:  eval "$(tmaxctl completion zsh)"               in ~/.zshrc
    fish: tmaxctl completion fish > ~/.config/fish/completions/tmaxctl.fish
    """
    script = script_for(shell)
    if console.as_json:
        console.json({"shell": shell, "script": script})
    else:
        click.echo(script)


def script_for(shell: str) -> str:
    kind = get_completion_class(shell)
    if kind is None:
        raise CtlError(f"this version of click cannot complete in {shell}")
    root = click.get_current_context().find_root().command
    complete = kind(root, {}, "tmaxctl", VARIABLE)
    # Not source(): for bash that runs the shell to look at its version.
    return complete.source_template % complete.source_vars()
