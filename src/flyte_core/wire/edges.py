"""Edges on the wire: each travels with its target, a new child or an outcome."""

from collections.abc import Iterable
from typing import Any

from flyte_core.dataflow import CONFIDENCES, RELATIONS, Edge
from flyte_core.model import ActionName, InvalidArgument
from flyte_core.wire.godwit.v1 import worker_pb2


def put(messages: Any, edges: Iterable[Edge], owner: ActionName | None = None) -> None:
    """Add edges to a repeated field; they travel with `owner`, or all lead to the action they come with."""
    for edge in edges:
        messages.add(
            source=edge.source,
            source_path=edge.source_path,
            param=edge.target_param,
            path=edge.target_path,
            relation=edge.relation,
            confidence=edge.confidence,
            target="" if owner is None or edge.target == owner else edge.target,
        )


def get(messages: Iterable[worker_pb2.Edge], owner: ActionName) -> tuple[Edge, ...]:
    """The edges that came with `owner`.

    Raises:
        InvalidArgument: a relation or confidence that nobody knows.
    """
    return tuple([_edge(each, owner) for each in messages])


def _edge(message: worker_pb2.Edge, owner: ActionName) -> Edge:
    if message.relation not in RELATIONS or message.confidence not in CONFIDENCES:
        raise InvalidArgument(f"An edge cannot be {message.relation!r} and {message.confidence!r}.")
    return Edge(
        ActionName(message.source),
        message.source_path,
        ActionName(message.target) or owner,
        message.param,
        message.path,
        message.relation,
        message.confidence,
    )
