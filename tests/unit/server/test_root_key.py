"""A root and a child share an outcome only if the server keys a root as the SDK keys a child."""

from flyteidl2.task import task_definition_pb2

import flyte
from flyte._controller import submission
from flyte._controller.spec import Place
from flyte_core.wire import specs
from flyte_server.services import caching

env = flyte.TaskEnvironment(name="env")
PLACE = Place("flytesnacks", "development", version="v1")


@env.task(cache=flyte.Cache(behavior="override", version_override="3", ignored_inputs=("verbose",)))
def cached(xs: list[int], name: str, verbose: bool = False) -> int:
    return len(xs)


@env.task
def uncached(x: int) -> int:
    return x


def key_of(call: submission.Submission) -> str:
    task = task_definition_pb2.TaskSpec.FromString(call.spec.template).task_template
    return caching.root_key(task, specs.task_spec(call.spec.template), call.inputs, "")


def test_the_same_key_on_both_sides() -> None:
    call = submission.root(cached, ([1, 2],), {"name": "a"}, PLACE)
    assert call.cache_key
    assert key_of(call) == call.cache_key
    noisy = submission.root(cached, ([1, 2],), {"name": "a", "verbose": True}, PLACE)
    assert key_of(noisy) == call.cache_key
    other = submission.root(cached, ([1, 2],), {"name": "b"}, PLACE)
    assert key_of(other) != call.cache_key


def test_a_task_that_is_not_cached_has_no_key() -> None:
    assert key_of(submission.root(uncached, (1,), {}, PLACE)) == ""
