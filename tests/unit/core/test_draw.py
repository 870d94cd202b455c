"""The execution graph as text."""

from dataflow_runs import Program, big_program, diamond

from flyte_core.dataflow import draw
from flyte_core.model import ActionKind, Phase


def words(milliseconds: float) -> str:
    return f"{milliseconds:g} ms"


def pipeline() -> Program:
    program = Program()
    program.action("a0", None, 0, 30, task="pipeline")
    program.action("n1", "a0", 5, 15, task="step_one")
    program.action("n2", "a0", 15, 25, task="step_two")
    program.flow("a0", "n1", "x", "argument", source_path="x")
    program.flow("n1", "n2", "x")
    program.flow("n2", "a0", "o0", "result")
    return program


def test_a_tree_with_what_flowed_into_each() -> None:
    assert list(draw.tree(draw.boxes(pipeline().graph(), words))) == [
        "pipeline (action)  30 ms  ●",
        "│   returns o0 ← step_two",
        "├── step_one (action)  10 ms  ●",
        "│       x ← pipeline.x",
        "└── step_two (action)  10 ms  ●",
        "        x ← step_one",
    ]


def test_doubt_paths_and_namesakes_are_said() -> None:
    program = diamond()
    program.action("note", "a0", 12, 12, kind=ActionKind.TRACE)
    program.action("bad", "a0", 12, 13, phase=Phase.FAILED)
    program.action("bad1", "a0", 12, 14, task="bad")
    program.flow("slow", "bad", "items", confidence="derived", source_path="[0].price", target_path="[2]")
    program.flow("middle", "bad1", "y", confidence="inferred", source_path="name")
    lines = [line.strip("│├─└ ") for line in draw.tree(draw.boxes(program.graph(), words))]
    assert "note (trace)  0 ms" in lines
    assert "bad[0] (action)  1 ms  failed" in lines
    assert "items[2] ← slow[0].price (derived)" in lines
    assert "y ← middle.name (inferred)" in lines


def test_mermaid_draws_boxes_arrows_and_the_path() -> None:
    assert list(draw.mermaid(draw.boxes(pipeline().graph(), words))) == [
        "flowchart TD",
        '  n0["pipeline<br/>30 ms"]',
        '  n1["step_one<br/>10 ms"]',
        '  n2["step_two<br/>10 ms"]',
        '  n2 -->|"o0"| n0',
        '  n0 -->|"x"| n1',
        '  n1 -->|"x"| n2',
        "  classDef path stroke-width:3px",
        "  class n0,n1,n2 path",
        "  linkStyle 0,1,2 stroke-width:3px",
    ]


def test_graphviz_tells_doubt_by_the_line() -> None:
    program = pipeline()
    program.flow("n1", "a0", 'say "hi"', "result", "inferred")
    lines = list(draw.dot(draw.boxes(program.graph(), words)))
    assert '  n1 [label="step_one\\n10 ms", penwidth=2.5]' in lines
    assert '  n1 -> n2 [label="x", style=solid, penwidth=2.5]' in lines
    assert '  n1 -> n0 [label="say \\"hi\\"", style=dotted, penwidth=2.5]' in lines


def test_a_large_run_folds_into_its_shape() -> None:
    drawn = draw.folded(big_program(400).graph(), words)
    lines = [line.strip("│├─└ ") for line in draw.tree(drawn)]
    assert lines[0] == "main (action)  21.229 ms  ●"
    assert "raw ×100 ← load ×100" in lines
    assert "step ×190 (action)  half in 0.099 ms  ●" in lines
