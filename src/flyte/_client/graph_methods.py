"""The RPCs that tell how data flowed in a run; apart, since few commands ask."""

from flyte._client.connect import Method, method
from flyte_core.wire.godwit.v1 import graph_pb2 as graph

_GRAPH = graph.DESCRIPTOR.services_by_name["GraphService"]

GET_GRAPH: Method[graph.GetGraphRequest, graph.GetGraphResponse] = method(_GRAPH, "GetGraph", repeatable=True)
GET_BOTTLENECKS: Method[graph.GetBottlenecksRequest, graph.GetBottlenecksResponse] = method(
    _GRAPH, "GetBottlenecks", repeatable=True
)
