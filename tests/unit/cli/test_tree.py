from typing import Any

from flyte._cli import tree


def action(name: str, parent: str | None, seq: int, short: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "parent": parent,
        "seq": seq,
        "short_name": short,
        "kind": "task",
        "phase": "succeeded",
        "error": None,
        "group": "",
        **more,
    }


PIPELINE = [
    action("a0", None, 0, "pipeline"),
    action("x2", "a0", 1, "step_two"),
    action("x1", "a0", 0, "step_one"),
]


def test_the_tree_is_the_one_of_the_documentation() -> None:
    assert list(tree.lines(PIPELINE)) == [
        "pipeline (action)",
        "├── step_one (action)",
        "└── step_two (action)",
    ]


def test_deeper_levels_are_indented_under_their_parents() -> None:
    actions = [*PIPELINE, action("y", "x1", 0, "inner"), action("z", "x2", 0, "last")]
    assert list(tree.lines(actions)) == [
        "pipeline (action)",
        "├── step_one (action)",
        "│   └── inner (action)",
        "└── step_two (action)",
        "    └── last (action)",
    ]


def test_what_is_not_well_says_so() -> None:
    error = {"code": "ValueError", "message": "no\nreally", "kind": "user", "traceback": ""}
    actions = [
        action("a0", None, 0, "pipeline", phase="running"),
        action("x", "a0", 0, "step", phase="failed", error=error),
        action("t", "a0", 1, "fetch", kind="trace"),
    ]
    assert list(tree.lines(actions)) == [
        "pipeline (action)  \x1b[34mrunning\x1b[0m",
        "├── step (action)  \x1b[31mfailed\x1b[0m  ValueError: no",
        "└── fetch (trace)",
    ]


def test_a_group_stands_where_its_first_call_stood_and_counts_its_calls() -> None:
    actions = [
        action("a0", None, 0, "main"),
        action("b", "a0", 0, "before"),
        *(action(f"m{at}", "a0", at, "work", group="work_map") for at in range(1, 3)),
        action("c", "a0", 9, "after"),
    ]
    assert list(tree.lines(actions)) == [
        "main (action)",
        "├── before (action)",
        "├── work_map (group, 2 actions)",
        "│   ├── work (action)",
        "│   └── work (action)",
        "└── after (action)",
    ]


def test_nesting_deeper_than_the_stack_is_drawn() -> None:
    actions = [action("n0", None, 0, "f")] + [action(f"n{i}", f"n{i - 1}", 0, "f") for i in range(1, 2000)]
    assert sum(1 for _ in tree.lines(actions)) == 2000
