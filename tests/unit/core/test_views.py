"""The dictionaries that the command line, the handles and the console show."""

from datetime import datetime

import pytest
from core_build import FATAL, OUT, RUN, after, at, created, key, new, standing
from core_world import World

from flyte_core import views
from flyte_core.engine.api import TraceResult
from flyte_core.machine.events import CacheHit
from flyte_core.model import ActionKind, CacheStatus, Micros, Phase, RunMode


@pytest.fixture
def world() -> World:
    return World()


def test_a_run_shows_its_root(world: World) -> None:
    token = world.running_root(labels={"team": "ml"}, created_by="ann", mode=RunMode.LOCAL)
    world.now = 3.5
    world.fail(key(), token, FATAL)
    view = world.store.run(RUN)
    assert view is not None
    assert views.run_view_dict(view, base_url="http://localhost:1234") == {
        "name": "r1",
        "project": "proj",
        "domain": "dev",
        "task_name": "env.work",
        "phase": "failed",
        "status": "failed",
        "start_time": "1970-01-01T00:00:01.000000Z",
        "end_time": "1970-01-01T00:00:03.500000Z",
        "duration_ms": 2500,
        "url": "http://localhost:1234/v2/runs/project/proj/domain/dev/r1",
        "error": {
            "code": "NonRecoverableError",
            "message": "never again",
            "kind": "user",
            "traceback": "",
        },
        "labels": {"team": "ml"},
        "created_by": "ann",
        "mode": "local",
        "relation": "",
        "related_run": "",
        "divergences": [],
    }


def test_a_run_is_found_at_the_default_address(world: World) -> None:
    world.create()
    view = world.store.run(RUN)
    assert view is not None
    url = views.run_view_dict(view)["url"]
    assert url == "http://localhost:4290/v2/runs/project/proj/domain/dev/r1"


def test_an_action(world: World) -> None:
    world.running_root()
    world.child("c0")
    token = world.child("c1", task="my_env.step_one", group="steps")
    world.now = 2
    world.succeed(key("c1"), token)
    assert views.action_dict(world.action("c1")) == {
        "name": "c1",
        "run_name": "r1",
        "task_name": "my_env.step_one",
        "short_name": "step_one",
        "parent": "a0",
        "seq": 1,
        "kind": "task",
        "group": "steps",
        "phase": "succeeded",
        "attempts": 1,
        "start_time": "1970-01-01T00:00:01.000000Z",
        "end_time": "1970-01-01T00:00:02.000000Z",
        "duration_ms": 1000,
        "cache_status": "disabled",
        "recovered_from": "",
        "error": None,
        "divergences": [],
    }


def test_attempts_count_what_was_executed(world: World) -> None:
    world.running_root()
    trace = TraceResult(at(1), at(2))
    world.enqueue(new("t1", kind=ActionKind.TRACE, trace=trace), new("c1"))
    assert [views.action_dict(world.action(name))["attempts"] for name in ("a0", "t1", "c1")] == [1, 1, 0]
    hit = after(
        (created(cache_key="k", cache_scope="s", cache_status=CacheStatus.MISS), 1),
        (CacheHit(OUT, "", "r0/a0"), 1),
    )
    assert views.action_dict(hit)["attempts"] == 0


def test_a_duration_grows_until_the_end() -> None:
    running = standing(Phase.RUNNING)
    assert views.duration_ms(running, at(61)) == 60_000
    assert views.duration_ms(running) > 1_000_000
    assert views.duration_ms(running, at(0)) == 0
    assert views.duration_ms(standing(Phase.SUCCEEDED), at(61)) == 3_000


@pytest.mark.parametrize("phase", Phase)
def test_each_phase_has_its_word_and_its_sentence(phase: Phase) -> None:
    action = standing(phase)
    assert views.phase_word(action) == phase.value
    assert views.phase_sentence(action)


def test_instants_are_utc_and_sort_as_text() -> None:
    assert views.iso(None) is None
    assert views.iso(Micros(0)) == "1970-01-01T00:00:00.000000Z"
    instants = [Micros(n) for n in (-(2**70), -(10**15), -1, 0, 1, 10**15, 2**70)]
    texts = [views.iso(instant) or "" for instant in instants]
    assert texts == sorted(texts)
    assert all(datetime.fromisoformat(text).tzinfo is not None for text in texts)
