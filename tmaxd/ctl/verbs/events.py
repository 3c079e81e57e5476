"""`tmaxctl events`: what happened to the fleet, and what happens."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping

import click

from tmaxd.ctl import complete, fleet
from tmaxd.ctl.api import Api
from tmaxd.ctl.away import NEVER, Steady
from tmaxd.ctl.console import Console
from tmaxd.ctl.errors import CtlError, WrongUsage
from tmaxd.ctl.following import PAGE, PATH, Event, Following, pages
from tmaxd.ctl.hints import hints_for
from tmaxd.ctl.moments import short_moment
from tmaxd.ctl.naming import group_meant, unknown_worker
from tmaxd.ctl.options import verb
from tmaxd.ctl.render_events import line
from tmaxd.ctl.suggesting import misspelt

LIMIT, FOLLOWED = 50, 10
"""The last events that are shown where nobody says how many: of a list, and before those that come."""


@click.command("events", short_help="Show what happened, and follow what happens.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens, until Ctrl-C.")
@click.option("--since", type=click.IntRange(0), metavar="N", help="Only events after number N.")
@click.option(
    "--last",
    type=click.IntRange(0, PAGE),
    metavar="N",
    help=f"Only the last N, up to {PAGE}; else {LIMIT}, with --follow {FOLLOWED}, with --since all.",
)
@click.option(
    "--worker", metavar="WORKER", shell_complete=complete.workers, help="Only those of WORKER."
)
@click.option(
    "--group",
    metavar="GROUP",
    shell_complete=complete.groups,
    help="Only those of GROUP and its workers.",
)
@click.option(
    "--event",
    "names",
    metavar="NAME,…",
    multiple=True,
    shell_complete=complete.events,
    help="Only events of these names (docs/events.md).",
)
@verb
def command(
    console: Console,
    follow: bool,
    since: int | None,
    last: int | None,
    worker: str | None,
    group: str | None,
    names: tuple[str, ...],
) -> None:
    """Show events: their number, when each happened, to which worker or group, and what, with its reason.
    A repeat within ten minutes takes the place of what it repeats, with a count (×17).

    --follow goes on where the daemon ends and comes back, and shows nothing twice. -o json prints an
    object a line. docs/events.md says what each event means.
    """
    if follow and since is not None and last is not None:
        raise WrongUsage(
            "--follow begins after event --since, or with the --last ones: give one of them"
        )
    api = fleet.daemon(console.fleet)
    words = _known(names)
    worker, group = _meant(api, worker, group)
    wanted = {"worker": worker, "group": group, "event": ",".join(_asked_for(words))}
    filters: dict[str, object] = {key: value for key, value in wanted.items() if value}
    if follow:
        _follow(console, api, filters, since, FOLLOWED if last is None else last, words)
        return
    shown = 0
    for event in _chosen(api, filters, since, last, words):
        _show(console, event)
        shown += 1
    if not shown and not console.as_json:
        console.note("no such event" if filters or since else "no events")
    elif since is None and last is None and shown == LIMIT and not console.as_json:
        console.note(f"earlier ones: {hints_for(api.fleet)('events --since 0')}")


def _known(names: tuple[str, ...]) -> list[str]:
    """A misspelt name would wait for ever for what never comes."""
    words = [word for text in names for word in text.split(",") if word]
    if words:
        from tmaxd.spec.event_names import KINDS, MEANINGS

        for word in words:
            if word not in MEANINGS and word not in KINDS:
                known = [*MEANINGS, *KINDS]
                raise WrongUsage(f"{misspelt('event', word, known)} (docs/events.md has them all)")
    return words


def _chosen(
    api: Api, filters: Mapping[str, object], since: int | None, last: int | None, words: list[str]
) -> Iterator[Event]:
    """Of a kind of event, the last N are chosen here: the daemon knows only the event."""
    if set(words) <= set(_asked_for(words)) or (since is not None and last is None):
        return (event for event in _found(api, filters, since, last) if _passes(event, words))
    found = [event for event in _found(api, filters, since, PAGE) if _passes(event, words)]
    most = LIMIT if last is None else last
    return iter(found[-most:] if most else [])


def _asked_for(words: list[str]) -> list[str]:
    """The names that the daemon knows; which of these events are of a kind is looked at here."""
    if not words:
        return []
    from tmaxd.spec.event_names import KINDS

    return list(dict.fromkeys(KINDS[word][0] if word in KINDS else word for word in words))


def _passes(event: Event, words: list[str]) -> bool:
    if not words or event["event"] in words:
        return True
    from tmaxd.spec.event_names import hook_names

    return bool(set(words) & set(hook_names(event["event"], event["reason"])))


def _meant(api: Api, worker: str | None, group: str | None) -> tuple[str | None, str | None]:
    """Whose events are asked for. A misspelt name would wait for ever; of one that is gone there are some."""
    if worker is None and group is None:
        return None, None
    status = api.get("/v1/status")
    if worker is not None:
        worker = fleet.check_worker(group_meant(status, worker) or worker)
        known = [w["name"] for w in status["workers"]]
        if worker not in known and not _any(api, "worker", worker):
            raise unknown_worker(status, worker)
    groups = [g["name"] for g in status["groups"]]
    if group is not None and group not in groups and not _any(api, "group", group):
        raise CtlError(misspelt("group", group, groups), "unknown_group")
    return worker, group


def _any(api: Api, key: str, name: str) -> bool:
    return bool(api.get(PATH, {key: name, "last": "true", "limit": 1})["events"])


def _found(
    api: Api, filters: Mapping[str, object], since: int | None, last: int | None
) -> Iterator[Event]:
    if since is not None and last is None:
        return pages(api, filters, since)
    most = LIMIT if last is None else last
    if not most:
        return iter(())
    query = {**filters, "since": since or 0, "last": "true", "limit": most}
    return iter(api.get(PATH, query)["events"])


def _follow(
    console: Console,
    api: Api,
    filters: Mapping[str, object],
    since: int | None,
    last: int,
    words: list[str],
) -> None:
    def each(event: Event) -> None:
        if not _passes(event, words):
            return
        _show(console, event)
        sys.stdout.flush()

    try:
        Following(api, filters, since, last).run(Steady(console, api, NEVER, met=False), each)
    except KeyboardInterrupt:
        console.end_line()


def _show(console: Console, event: Event) -> None:
    if console.as_json:
        console.json(event)
    else:
        now = time.time()
        console.lines([line(event, lambda at: short_moment(at, now), console.paint, console.width)])
