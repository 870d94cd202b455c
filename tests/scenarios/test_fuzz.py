"""Whatever is sent, the server answers with a reason, never with a failure of its own."""

import json
from pathlib import Path
from typing import Any

from flyteidl2.common import identifier_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from server_world import DOMAIN, PROJECT, World, http, ref, task_spec, world

from flyte_core.model import ROOT, ActionKey, RunKey
from flyte_core.wire import actions as wire

WORDS = st.sampled_from(
    [
        "",
        "a0",
        "r1",
        "flytesnacks",
        "development",
        "../..",
        "a/b",
        "\0",
        "é",
        "x" * 300,
        "-1",
        "10",
        "phase",
        "labels.",
    ]
)
SERVICES = [
    "flyteidl2.workflow.RunService",
    "flyteidl2.actions.ActionsService",
    "flyteidl2.dataproxy.DataProxyService",
    "flyteidl2.cluster.ClusterService",
    "flyteidl2.auth.IdentityService",
    "flyteidl2.project.ProjectService",
    "flyteidl2.task.TaskService",
    "godwit.v1.WorkerService",
]
RUN = RunKey(PROJECT, DOMAIN, "r1")
ROOT_ID = wire.action_id(ActionKey(RUN, ROOT))
USUAL: dict[str, Message] = {
    "RunIdentifier": ROOT_ID.run,
    "ActionIdentifier": ROOT_ID,
    "ProjectIdentifier": identifier_pb2.ProjectIdentifier(name=PROJECT, domain=DOMAIN),
    "ActionRef": ref(ActionKey(RUN, ROOT)),
    "TaskSpec": task_spec(),
}
"""So that calls get beyond the check of their ids."""

_NUMBERS = {
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
}


@st.composite
def filled(draw: st.DrawFn, kind: Any, depth: int = 0) -> Message:
    """A message with some of its fields set to odd values."""
    message: Message = GetMessageClass(kind)()
    if kind.name in USUAL and draw(st.integers(0, 4)):
        return type(message).FromString(USUAL[kind.name].SerializeToString())
    for field in kind.fields:
        if depth > 5 or draw(st.integers(0, 3)) == 0:
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            continue
        if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
            if field.is_repeated:
                getattr(message, field.name).append(draw(filled(field.message_type, depth + 1)))
            else:
                getattr(message, field.name).CopyFrom(draw(filled(field.message_type, depth + 1)))
            continue
        value = draw(_scalar(field))
        if field.is_repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)
    return message


def _scalar(field: Any) -> st.SearchStrategy[Any]:
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return st.binary(max_size=20) if field.type == FieldDescriptor.TYPE_BYTES else WORDS
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        return st.sampled_from([value.number for value in field.enum_type.values])
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return st.booleans()
    return _NUMBERS.get(field.cpp_type, st.floats())


UNARY = [
    method
    for name in SERVICES
    for method in Default().FindServiceByName(name).methods
    if not method.server_streaming and not method.client_streaming
]


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, bytes]:
    method = draw(st.sampled_from(UNARY))
    path = f"/{method.containing_service.full_name}/{method.name}"
    if draw(st.integers(0, 9)) == 0:
        return path, draw(st.binary(max_size=200))
    return path, draw(filled(method.input_type)).SerializeToString()


async def test_no_call_makes_the_server_fail(tmp_path: Path) -> None:
    async with world(tmp_path) as there:
        await there.ended(await there.create(name="r1"))
        batches: list[list[tuple[str, bytes]]] = []

        @given(st.lists(calls(), min_size=20, max_size=20))
        @settings(
            max_examples=40,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        def collect(batch: list[tuple[str, bytes]]) -> None:
            batches.append(batch)

        collect()
        for path, body in (call for batch in batches for call in batch):
            await send(there, path, body)


async def send(there: World, path: str, body: bytes) -> None:
    answer = await http(there.app, "POST", path, body=body, headers={"content-type": "application/proto"})
    if answer.status != 200:
        problem = json.loads(answer.body)
        assert problem["code"] != "internal", f"{path}: {problem['message']}\n{body!r}"
        assert problem["message"]
