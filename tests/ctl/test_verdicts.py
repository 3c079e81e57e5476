"""What is said of tasks that were to be cancelled or retried."""

from __future__ import annotations

from typing import get_args

import pytest

from tmaxd.ctl.render_verdicts import WORDS, one, summary
from tmaxd.tasks.events import Verdict

OF_THE_OTHER = {
    "cancel": {"retried", "waiting", "done", "no_payload"},
    "retry": {"cancelled", "cancelling", "ended"},
}


@pytest.mark.parametrize("verb", sorted(WORDS))
def test_every_verdict_has_words(verb: str) -> None:
    words = WORDS[verb]
    for verdict in set(get_args(Verdict)) - OF_THE_OTHER[verb]:
        said = one(words, 7, verdict, lambda command: f"tmaxctl {command}", lambda: "dead")
        assert "7" in said
        assert said != f"task 7: {verdict}"
        assert "_" not in summary(words, {verdict: 2})
