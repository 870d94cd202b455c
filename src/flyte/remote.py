"""Runs and actions of this machine or of a server: look at them, wait for them, end them.

Every method blocks; `await run.wait.aio()` does the same on an event loop. Without a configured
endpoint this machine's history is read directly, whether its server runs or not.
"""

from flyte._remote.action import AbortInfo, Action, ActionDetails, PhaseTransition
from flyte._remote.code import CodeBundle
from flyte._remote.condition import Condition
from flyte._remote.logs import LogEntry, Logs
from flyte._remote.run import Run, RunDetails
from flyte._remote.time_filter import TimeFilter
from flyte._remote.uploads import upload_dir, upload_file
from flyte._remote.user import User
from flyte._remote.values import ActionInputs, ActionOutputs
from flyte_core.dataflow import Edge
from flyte_core.dataflow.graph import Graph, GraphNode, Segment

__all__ = [
    "AbortInfo",
    "Action",
    "ActionDetails",
    "ActionInputs",
    "ActionOutputs",
    "CodeBundle",
    "Condition",
    "Edge",
    "Graph",
    "GraphNode",
    "LogEntry",
    "Logs",
    "PhaseTransition",
    "Run",
    "RunDetails",
    "Segment",
    "TimeFilter",
    "User",
    "upload_dir",
    "upload_file",
]
