"""The RPCs we call, typed."""

from flyteidl2.dataproxy import dataproxy_service_pb2 as data
from flyteidl2.project import project_service_pb2 as projects
from flyteidl2.workflow import run_service_pb2 as runs

from flyte._client.connect import Method, method

_RUNS = runs.DESCRIPTOR.services_by_name["RunService"]
_PROJECTS = projects.DESCRIPTOR.services_by_name["ProjectService"]
_DATA = data.DESCRIPTOR.services_by_name["DataProxyService"]

CREATE_RUN: Method[runs.CreateRunRequest, runs.CreateRunResponse] = method(
    _RUNS, "CreateRun", repeatable=True
)
"""Repeatable because we always give the run its name: the same content gives the same run."""
ABORT_RUN: Method[runs.AbortRunRequest, runs.AbortRunResponse] = method(_RUNS, "AbortRun", repeatable=True)
ABORT_ACTION: Method[runs.AbortActionRequest, runs.AbortActionResponse] = method(
    _RUNS, "AbortAction", repeatable=True
)
SIGNAL_EVENT: Method[runs.SignalEventRequest, runs.SignalEventResponse] = method(
    _RUNS, "SignalEvent", repeatable=True
)
GET_RUN_DETAILS: Method[runs.GetRunDetailsRequest, runs.GetRunDetailsResponse] = method(
    _RUNS, "GetRunDetails", repeatable=True
)
GET_ACTION_DETAILS: Method[runs.GetActionDetailsRequest, runs.GetActionDetailsResponse] = method(
    _RUNS, "GetActionDetails", repeatable=True
)
WATCH_ACTION_DETAILS: Method[runs.WatchActionDetailsRequest, runs.WatchActionDetailsResponse] = method(
    _RUNS, "WatchActionDetails", repeatable=True
)
LIST_RUNS: Method[runs.ListRunsRequest, runs.ListRunsResponse] = method(_RUNS, "ListRuns", repeatable=True)
LIST_ACTIONS: Method[runs.ListActionsRequest, runs.ListActionsResponse] = method(
    _RUNS, "ListActions", repeatable=True
)

CREATE_UPLOAD_LOCATION: Method[data.CreateUploadLocationRequest, data.CreateUploadLocationResponse] = method(
    _DATA, "CreateUploadLocation", repeatable=True
)
CREATE_DOWNLOAD_LINK: Method[data.CreateDownloadLinkRequest, data.CreateDownloadLinkResponse] = method(
    _DATA, "CreateDownloadLink", repeatable=True
)
GET_ACTION_DATA: Method[data.GetActionDataRequest, data.GetActionDataResponse] = method(
    _DATA, "GetActionData", repeatable=True
)
GET_ACTION_DATA_URIS: Method[runs.GetActionDataURIsRequest, runs.GetActionDataURIsResponse] = method(
    _RUNS, "GetActionDataURIs", repeatable=True
)
TAIL_LOGS: Method[data.TailLogsRequest, data.TailLogsResponse] = method(_DATA, "TailLogs", repeatable=True)
UPLOAD_INPUTS: Method[data.UploadInputsRequest, data.UploadInputsResponse] = method(
    _DATA, "UploadInputs", repeatable=True
)
LIST_PROJECTS: Method[projects.ListProjectsRequest, projects.ListProjectsResponse] = method(
    _PROJECTS, "ListProjects", repeatable=True
)
