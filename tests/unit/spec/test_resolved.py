"""The text that a revision keeps: small, and the same from one version of tmaxd to the next."""

from __future__ import annotations

from tests.unit.spec.loading import HEAD, loaded
from tmaxd.spec.load import from_text
from tmaxd.spec.model import Group, Spec


def test_the_text_has_only_what_is_not_the_default() -> None:
    plain = loaded({"tmax.yaml": HEAD + "workers: {a: {run: [x]}}"})
    said = loaded(
        {
            "tmax.yaml": HEAD
            + """
on: {}
workers:
  a:
    run: [x]
    restart: {policy: always, success: [0], backoff: {first: 0s, factor: 2, max: 60s, jitter: 0.1}}
    rollout: {max_unavailable: 1, rollback: true, healthy_for: 500ms}
    stop: {keys: [], drain: never}
    after: []
"""
        }
    )
    assert (said.text, said.digest) == (plain.text, plain.digest)
    assert "restart" not in plain.text
    some = loaded({"tmax.yaml": HEAD + "workers: {a: {run: [x], restart: {backoff: {max: 2m}}}}"})
    assert '"restart":{"backoff":{"max":120.0}}' in some.text


BEFORE = (
    '{"fleet":"demo","pipes":{"capacity":262144,"inboxes":{},"layout":"dedicated","outboxes":{},"routes":[]},'
    '"workers":{"a":{"argv":["x"],"balance":"least_loaded","count":1,"cwd":"/fleet","env":{},"expire":null,'
    '"kind":"run","layout":"dedicated","lease":60.0,"max_queue":null,"retry":{"attempts":1,"backoff":{"first":1.0,'
    '"max":60.0}},"stop":{"after":10.0,"signal":"TERM"},"timeout":null,"window":null}}}'
)
"""A revision as it was kept before any of this could be said."""


def test_a_revision_of_the_version_before() -> None:
    old = from_text(BEFORE)
    assert old == Spec(fleet="demo", workers={"a": Group(kind="run", argv=("x",), cwd="/fleet")})
    now = loaded({"tmax.yaml": HEAD + "workers: {a: {run: [x]}}"})
    assert now.text == BEFORE
    assert now.digest == "becda61cddcc573b1cb019667a412ca5d1629bf1e1ee922ec90b9a6a7ca0f73c"


def test_a_shared_layout_keeps_its_digest() -> None:
    """Revisions from before flags do not say who is behind a layout; nor do those where it goes without saying."""
    for text in ("workers: {a: {task: [x], layout: shared}}", "workers: {a: {task: [x]}}"):
        assert "layout_by" not in loaded({"tmax.yaml": HEAD + text}).text
    said = loaded({"tmax.yaml": HEAD + "workers: {a: {task: [x], layout: dedicated}}"})
    assert '"layout_by":"file"' in said.text
