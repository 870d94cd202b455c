"""Two runs aligned by call path."""

import pytest
from console_history import History

from flyte_core.dataflow.compare import compare
from flyte_core.layout import Layout
from flyte_core.store.memory import MemoryStore
from flyte_core.store.ports import ActionQuery


@pytest.fixture
def history(tmp_path):
    return History(MemoryStore(), Layout(tmp_path))


def _run(history, name, x=1, calls=(1, 2, 3), results=None, broken=None, extra=False):
    root = history.run(name, "env.main", {"x": x})
    history.claim(root)
    history.start(root)
    children = history.call(root, *[("env.part", {"i": i}) for i in calls], group="parts")
    if extra:
        children += history.call(root, ("env.more", {"i": 0}))
    history.claim(*children)
    history.start(*children)
    for at, child in enumerate(children):
        history.wait(1)
        if broken == at:
            history.fail(child, "ValueError", "no")
        else:
            history.succeed(child, o0=(results or {}).get(at, at))
    history.succeed(root, o0=x)
    return root.run


def _compare(history, one, other):
    def actions(run):
        return history.store.actions(run, ActionQuery()).actions

    return compare(history.store.run(one), history.store.run(other), actions(one), actions(other))


def test_equal_runs_have_no_difference(history):
    found = _compare(history, _run(history, "ra"), _run(history, "rb"))
    assert found.first is None
    assert [(shape.path, shape.a.count, shape.b.count, shape.change_us) for shape in found.shapes] == [
        (("main",), 1, 1, 0),
        (("main", "[parts]", "part"), 3, 3, 0),
    ]


def test_calls_are_paired_by_their_inputs_before_their_order(history):
    found = _compare(history, _run(history, "ra"), _run(history, "rb", calls=(3, 2, 1), results={0: 2, 2: 0}))
    assert found.first is None


@pytest.mark.parametrize(
    ("options", "difference", "path"),
    [
        ({"calls": (1, 2)}, "only_a", ("main", "[parts]", "part")),
        ({"extra": True}, "only_b", ("main", "more")),
        ({"calls": (1, 9, 3)}, "inputs", ("main", "[parts]", "part")),
        ({"results": {1: 7}}, "outputs", ("main", "[parts]", "part")),
        ({"broken": 1}, "phase", ("main", "[parts]", "part")),
        ({"x": 2}, "outputs", ("main",)),
    ],
)
def test_the_first_difference_is_named(history, options, difference, path):
    found = _compare(history, _run(history, "ra"), _run(history, "rb", **options))
    assert (found.first.difference, found.first.path) == (difference, path)


def test_shapes_that_changed_most_come_first(history):
    found = _compare(history, _run(history, "ra", calls=(1,)), _run(history, "rb", calls=(1, 2, 3, 4)))
    assert found.shapes[0].path == ("main", "[parts]", "part")
    assert found.shapes[0].change_us == (1 + 2 + 3 + 4 - 1) * 1_000_000
