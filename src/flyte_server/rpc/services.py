"""Every service this server has: descriptor and handler, side by side."""

from typing import Any

from flyteidl2.actions import actions_service_pb2
from flyteidl2.auth import identity_pb2
from flyteidl2.cluster import service_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.project import project_service_pb2
from flyteidl2.task import task_service_pb2
from flyteidl2.workflow import run_service_pb2
from google.protobuf.descriptor import FileDescriptor

from flyte_core.wire.godwit.v1 import graph_pb2, worker_pb2
from flyte_server.rpc.actions import ActionsService
from flyte_server.rpc.dataproxy import DataProxyService
from flyte_server.rpc.endpoints import RpcGateway, endpoints
from flyte_server.rpc.graph import GraphService
from flyte_server.rpc.runs import RunService
from flyte_server.rpc.small import ClusterService, IdentityService, ProjectService, TaskService
from flyte_server.rpc.worker import WorkerService
from flyte_server.services.context import ServerContext


def gateway(context: ServerContext) -> RpcGateway:
    """All endpoints, bound to a context."""
    table: list[tuple[FileDescriptor, str, Any]] = [
        (run_service_pb2.DESCRIPTOR, "RunService", RunService(context)),
        (actions_service_pb2.DESCRIPTOR, "ActionsService", ActionsService(context)),
        (dataproxy_service_pb2.DESCRIPTOR, "DataProxyService", DataProxyService(context)),
        (service_pb2.DESCRIPTOR, "ClusterService", ClusterService()),
        (identity_pb2.DESCRIPTOR, "IdentityService", IdentityService(context)),
        (project_service_pb2.DESCRIPTOR, "ProjectService", ProjectService(context)),
        (task_service_pb2.DESCRIPTOR, "TaskService", TaskService(context)),
        (graph_pb2.DESCRIPTOR, "GraphService", GraphService(context)),
        (worker_pb2.DESCRIPTOR, "WorkerService", WorkerService(context)),
    ]
    return RpcGateway(
        endpoints(file.services_by_name[name], handler, context.metrics) for file, name, handler in table
    )
