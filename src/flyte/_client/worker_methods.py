"""The RPCs of a running parent; apart, so that a worker loads nothing else."""

from flyte._client.connect import Method, method
from flyte_core.wire.godwit.v1 import worker_pb2 as worker

_WORKER = worker.DESCRIPTOR.services_by_name["WorkerService"]

ENQUEUE: Method[worker.EnqueueRequest, worker.EnqueueResponse] = method(_WORKER, "Enqueue", repeatable=True)
WATCH_CHILDREN: Method[worker.WatchChildrenRequest, worker.WatchChildrenResponse] = method(
    _WORKER, "WatchChildren", repeatable=True
)
ABORT_CHILD: Method[worker.AbortChildRequest, worker.AbortChildResponse] = method(
    _WORKER, "AbortChild", repeatable=True
)
REPLAYED: Method[worker.ReplayedRequest, worker.ReplayedResponse] = method(
    _WORKER, "Replayed", repeatable=True
)
REST: Method[worker.RestRequest, worker.RestResponse] = method(_WORKER, "Rest", repeatable=True)
RECALL: Method[worker.RecallRequest, worker.RecallResponse] = method(_WORKER, "Recall", repeatable=True)
