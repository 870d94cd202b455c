"""The execution graph as messages of `godwit.v1.GraphService`, and back."""

from dataclasses import asdict
from typing import Any, cast

from google.protobuf import json_format

from flyte_core.dataflow import Confidence, Edge, Relation
from flyte_core.dataflow.graph import Graph, GraphNode, Segment
from flyte_core.model import ActionName
from flyte_core.wire.godwit.v1 import graph_pb2


def to_graph(graph: Graph) -> graph_pb2.GetGraphResponse:
    nodes = [graph_pb2.GraphNode(**{**asdict(node), "parent": node.parent or ""}) for node in graph.nodes]
    return graph_pb2.GetGraphResponse(
        run=graph.run,
        nodes=nodes,
        edges=[graph_pb2.GraphEdge(**asdict(edge)) for edge in graph.edges],
        critical_path=[graph_pb2.GraphSegment(**asdict(segment)) for segment in graph.critical_path],
    )


def from_graph(message: graph_pb2.GetGraphResponse) -> Graph:
    return Graph(
        run=message.run,
        nodes=tuple(_node(node) for node in message.nodes),
        edges=tuple(_edge(edge) for edge in message.edges),
        critical_path=tuple(
            Segment(each.action, each.phase, each.start_ms, each.end_ms) for each in message.critical_path
        ),
    )


def to_bottlenecks(found: dict[str, object]) -> graph_pb2.GetBottlenecksResponse:
    return json_format.ParseDict(found, graph_pb2.GetBottlenecksResponse())


def from_bottlenecks(message: graph_pb2.GetBottlenecksResponse) -> dict[str, Any]:
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def _node(node: graph_pb2.GraphNode) -> GraphNode:
    return GraphNode(
        action=node.action,
        parent=node.parent or None,
        task=node.task,
        name=node.name,
        kind=node.kind,
        seq=node.seq,
        phase=node.phase,
        start_ms=node.start_ms,
        end_ms=node.end_ms if node.HasField("end_ms") else None,
        group=node.group,
    )


def _edge(edge: graph_pb2.GraphEdge) -> Edge:
    return Edge(
        ActionName(edge.source),
        edge.source_path,
        ActionName(edge.target),
        edge.target_param,
        edge.target_path,
        cast(Relation, edge.relation),
        cast(Confidence, edge.confidence),
    )
