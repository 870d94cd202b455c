"""One arrow of the execution graph."""

from typing import Final, Literal, get_args

from flyte_core.frozen import frozen
from flyte_core.model import ActionName

Relation = Literal["data", "argument", "result", "order"]
"""`data`: from what one action returned into another's input. `argument`: from the parent's own input
into a child's. `result`: from what a child returned into what its parent returns. `order`: no value
flowed, but one began because the other had ended."""

Confidence = Literal["exact", "derived", "inferred"]
"""`exact`: the very value. `derived`: computed from it. `inferred`: equal content in a possible order."""

RELATIONS: Final[tuple[Relation, ...]] = get_args(Relation)
CONFIDENCES: Final[tuple[Confidence, ...]] = get_args(Confidence)


@frozen
class Edge:
    """A value that went from one action to another of the same run.

    Paths say which part of a value: `items[3].price`, empty for the whole of it. Of an `argument`
    the source is the parent and its path begins with the name of the input; of a `result` the target
    is the parent and its parameter the name of the output.
    """

    source: ActionName
    source_path: str
    target: ActionName
    target_param: str
    target_path: str
    relation: Relation
    confidence: Confidence
