"""The small services: cluster, identity, projects, deployed tasks."""

import asyncio

from flyteidl2.auth import identity_pb2
from flyteidl2.cluster import payload_pb2
from flyteidl2.common import list_pb2
from flyteidl2.project import project_service_pb2
from flyteidl2.task import run_pb2, task_definition_pb2, task_service_pb2

from flyte_core.model import InvalidArgument
from flyte_core.wire import actions as wire
from flyte_server.rpc import ids
from flyte_server.rpc.errors import Unimplemented
from flyte_server.services.context import ServerContext, machine_name
from flyte_server.services.projects import Project
from flyte_server.services.tasks import DeployedTask, TaskId


class ClusterService:
    async def select_cluster(
        self, request: payload_pb2.SelectClusterRequest
    ) -> payload_pb2.SelectClusterResponse:
        """There is one: an empty address means the one that was asked."""
        return payload_pb2.SelectClusterResponse(cluster=wire.ORG)


class IdentityService:
    def __init__(self, context: ServerContext) -> None:
        self._context = context

    async def user_info(self, request: identity_pb2.UserInfoRequest) -> identity_pb2.UserInfoResponse:
        name = self._context.account
        return identity_pb2.UserInfoResponse(
            subject=name, name=name, preferred_username=name, email=f"{name}@{machine_name()}"
        )


class ProjectService:
    def __init__(self, context: ServerContext) -> None:
        self._projects = context.projects

    async def create_project(
        self, request: project_service_pb2.CreateProjectRequest
    ) -> project_service_pb2.CreateProjectResponse:
        self._projects.create(_project_back(request.project))
        return project_service_pb2.CreateProjectResponse()

    async def update_project(
        self, request: project_service_pb2.UpdateProjectRequest
    ) -> project_service_pb2.UpdateProjectResponse:
        self._projects.update(_project_back(request.project))
        return project_service_pb2.UpdateProjectResponse()

    async def get_project(
        self, request: project_service_pb2.GetProjectRequest
    ) -> project_service_pb2.GetProjectResponse:
        return project_service_pb2.GetProjectResponse(project=_project(self._projects.get(request.id)))

    async def list_projects(
        self, request: project_service_pb2.ListProjectsRequest
    ) -> project_service_pb2.ListProjectsResponse:
        found = await asyncio.to_thread(self._projects.all)
        match request.filters.replace(" ", ""):
            case "":
                pass
            case "eq(state,0)":
                found = [each for each in found if not each.archived]
            case "eq(state,1)":
                found = [each for each in found if each.archived]
            case _:
                raise InvalidArgument(
                    f"Projects cannot be filtered by {request.filters!r}.",
                    hint="Use eq(state, 0) or eq(state, 1).",
                )
        start = int(request.token) if request.token.isdecimal() else 0
        end = start + (request.limit or len(found))
        token = str(end) if end < len(found) else ""
        listed = project_service_pb2.Projects(
            projects=[_project(each) for each in found[start:end]], token=token
        )
        return project_service_pb2.ListProjectsResponse(projects=listed)


class TaskService:
    def __init__(self, context: ServerContext) -> None:
        self._context = context

    async def deploy_task(
        self, request: task_service_pb2.DeployTaskRequest
    ) -> task_service_pb2.DeployTaskResponse:
        task = TaskId(*ids.task(request.task_id))
        if not task.version:
            raise InvalidArgument(f"Task {task.name} is deployed without a version.")
        if request.triggers:
            raise Unimplemented(
                f"Task {task.name} has triggers, and this server has no scheduler.",
                hint="Deploy it without triggers.",
            )
        spec = request.spec.SerializeToString(deterministic=True)
        self._context.tasks.deploy(DeployedTask(task, self._context.clock.now(), spec))
        return task_service_pb2.DeployTaskResponse()

    async def get_task_details(
        self, request: task_service_pb2.GetTaskDetailsRequest
    ) -> task_service_pb2.GetTaskDetailsResponse:
        found = self._context.tasks.get(TaskId(*ids.task(request.task_id)))
        details = task_definition_pb2.TaskDetails(
            task_id=_task_id(found.id), metadata=self._metadata(found), spec=found.message()
        )
        return task_service_pb2.GetTaskDetailsResponse(details=details)

    async def list_tasks(
        self, request: task_service_pb2.ListTasksRequest
    ) -> task_service_pb2.ListTasksResponse:
        scope = request.project_id if request.WhichOneof("scope_by") == "project_id" else None
        found = self._context.tasks.list(
            project=(scope.name if scope else "") or "*", domain=(scope.domain if scope else "") or "*"
        )
        total = len(found)
        for each in request.request.filters:
            found = [task for task in found if _matches(task, each)]
        if request.request.sort_by.direction == list_pb2.Sort.DESCENDING:
            found.reverse()
        start = int(request.request.token) if request.request.token.isdecimal() else 0
        end = start + (request.request.limit or 100)
        counts = task_service_pb2.ListTasksResponse.ListTasksMetadata(total=total, filtered_total=len(found))
        return task_service_pb2.ListTasksResponse(
            tasks=[
                task_definition_pb2.Task(task_id=_task_id(each.id), metadata=self._metadata(each))
                for each in found[start:end]
            ],
            token=str(end) if end < len(found) else "",
            metadata=counts,
        )

    def _metadata(self, task: DeployedTask) -> task_definition_pb2.TaskMetadata:
        spec = task.message()
        return task_definition_pb2.TaskMetadata(
            deployed_by=wire.identity(self._context.account),
            short_name=spec.short_name,
            deployed_at=wire.stamp(task.deployed_at),
            environment_name=spec.environment.name,
            short_description=spec.documentation.short_description,
        )


def _matches(task: DeployedTask, each: list_pb2.Filter) -> bool:
    fields = {"name": task.id.name, "version": task.id.version}
    if each.field not in fields:
        raise InvalidArgument(f"Tasks cannot be filtered by {each.field!r}.", hint="Filters: name, version.")
    value = fields[each.field]
    match each.function:
        case list_pb2.Filter.EQUAL | list_pb2.Filter.VALUE_IN:
            return value in each.values
        case list_pb2.Filter.CONTAINS | list_pb2.Filter.CONTAINS_CASE_INSENSITIVE:
            return any(part.lower() in value.lower() for part in each.values)
        case _:
            word = list_pb2.Filter.Function.Name(each.function)
            raise InvalidArgument(f"The filter on {each.field} does not take {word}.")


def _task_id(task: TaskId) -> task_definition_pb2.TaskIdentifier:
    return task_definition_pb2.TaskIdentifier(
        org=wire.ORG, project=task.project, domain=task.domain, name=task.name, version=task.version
    )


def _project(project: Project) -> project_service_pb2.Project:
    active, archived = project_service_pb2.PROJECT_STATE_ACTIVE, project_service_pb2.PROJECT_STATE_ARCHIVED
    return project_service_pb2.Project(
        id=project.id,
        name=project.name,
        domains=[project_service_pb2.Domain(id=each, name=each) for each in project.domains],
        description=project.description,
        labels=run_pb2.Labels(values=dict(project.labels)),
        state=archived if project.archived else active,
        org=wire.ORG,
    )


def _project_back(message: project_service_pb2.Project) -> Project:
    return Project(
        id=ids.name("project", message.id),
        name=message.name or message.id,
        description=message.description,
        labels=tuple(sorted(message.labels.values.items())),
        archived=message.state == project_service_pb2.PROJECT_STATE_ARCHIVED,
    )
