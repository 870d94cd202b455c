"""`godwit.v1.GraphService`: how data flowed in a run, and where its time went."""

import asyncio

from flyte_core.graphs import read_bottlenecks, read_graph
from flyte_core.model import RunKey
from flyte_core.wire import graphs
from flyte_core.wire.godwit.v1 import graph_pb2
from flyte_server.rpc import ids
from flyte_server.services.context import ServerContext


class GraphService:
    def __init__(self, context: ServerContext) -> None:
        self._context = context

    async def get_graph(self, request: graph_pb2.GetGraphRequest) -> graph_pb2.GetGraphResponse:
        key = self._run(request.run)

        def work() -> graph_pb2.GetGraphResponse:
            return graphs.to_graph(read_graph(self._context.store, key, self._context.clock.now()))

        return await asyncio.to_thread(work)

    async def get_bottlenecks(
        self, request: graph_pb2.GetBottlenecksRequest
    ) -> graph_pb2.GetBottlenecksResponse:
        key = self._run(request.run)

        def work() -> graph_pb2.GetBottlenecksResponse:
            found = read_bottlenecks(self._context.store, key, self._context.clock.now())
            return graphs.to_bottlenecks(found)

        return await asyncio.to_thread(work)

    def _run(self, ref: graph_pb2.RunRef) -> RunKey:
        key = RunKey(
            ids.name("project", ref.project), ids.name("domain", ref.domain), ids.name("run", ref.run)
        )
        self._context.view(key)
        return key
