"""What a task declares arrives as the policy the machine works with."""

from decimal import Decimal

import pytest
from flyteidl2.core import tasks_pb2
from flyteidl2.task import task_definition_pb2
from flyteidl2.workflow import run_definition_pb2
from google.protobuf import json_format

from flyte_core.model import (
    ActionKind,
    Backoff,
    CachePolicy,
    InvalidArgument,
    ResourceRequest,
    RetryPolicy,
    TimeoutPolicy,
)
from flyte_core.wire import specs


def declared(**template: object) -> task_definition_pb2.TaskSpec:
    document = {"taskTemplate": {"id": {"name": "env.double", "version": "v1"}, **template}}
    return json_format.ParseDict(document, task_definition_pb2.TaskSpec())


def test_names_come_from_the_template() -> None:
    spec = specs.task_spec(declared(type="python"))
    assert (spec.task_name, spec.short_name, spec.env_name) == ("env.double", "double", "env")
    assert (spec.task_type, spec.task_version) == ("python", "v1")


def test_bytes_are_kept_as_they_were_sent() -> None:
    sent = declared().SerializeToString() + b"\xfa\x07\x03abc"  # with a field we do not know
    spec = specs.task_spec(sent)
    assert spec.template == sent
    assert specs.task_spec(sent).digest == spec.digest != specs.task_spec(declared()).digest


def test_the_policy_is_read_from_metadata() -> None:
    spec = specs.task_spec(
        declared(
            metadata={
                "retries": {"retries": 3, "backoff": {"base": "0.5s", "factor": 2, "cap": "60s"}},
                "timeout": "90s",
                "timeouts": {"queuedTimeout": "10s", "deadline": "3600s"},
                "discoverable": True,
                "discoveryVersion": "7",
                "cacheSerializable": True,
                "cacheIgnoreInputVars": ["verbose"],
                "cacheMaxAge": "86400s",
                "generatesDeck": True,
            },
            reusePolicy={"maxReplicas": 2},
        )
    )
    policy = spec.policy
    assert policy.retry == RetryPolicy(user_retries=3, backoff=Backoff(0.5, 2.0, 60.0))
    assert policy.timeout == TimeoutPolicy(max_runtime_s=90, max_queued_s=10, deadline_s=3600)
    assert policy.cache == CachePolicy(True, "7", True, ("verbose",), 86400)
    assert policy.report
    assert policy.warm


def test_an_empty_declaration_limits_nothing() -> None:
    policy = specs.task_spec(declared(metadata={"timeout": "0s"})).policy
    assert policy.timeout == TimeoutPolicy()
    assert policy.retry == RetryPolicy()
    assert policy.resources == ResourceRequest()
    assert not policy.warm


def test_requests_count_before_limits() -> None:
    entries = [{"name": "CPU", "value": "500m"}, {"name": "MEMORY", "value": "1.5Gi"}]
    limits = [{"name": "CPU", "value": "4"}, {"name": "GPU", "value": "2"}]
    spec = specs.task_spec(declared(container={"resources": {"requests": entries, "limits": limits}}))
    assert spec.policy.resources == ResourceRequest(cpu=0.5, memory_bytes=1_610_612_736, gpu=2)


def test_a_memory_limit_beside_the_request_is_kept() -> None:
    request, limit = [{"name": "MEMORY", "value": "1Ki"}], [{"name": "MEMORY", "value": "2Ki"}]
    spec = specs.task_spec(declared(container={"resources": {"requests": request, "limits": limit}}))
    assert spec.policy.resources == ResourceRequest(memory_bytes=1024, memory_limit_bytes=2048)


def test_devices_are_told_by_kind_and_model() -> None:
    limits = [{"name": "GPU", "value": "1"}]
    device = {"device": "v5p", "deviceClass": "GOOGLE_TPU"}
    spec = specs.task_spec(
        declared(container={"resources": {"limits": limits}}, extendedResources={"gpuAccelerator": device})
    )
    assert spec.policy.resources == ResourceRequest(gpu=1, device="v5p", device_kind="TPU")


def test_resources_of_a_pod_template_are_those_of_its_primary_container() -> None:
    containers = [
        {"name": "side", "resources": {"requests": {"cpu": "8"}}},
        {"name": "main", "resources": {"requests": {"cpu": 2, "nvidia.com/gpu": "1"}}},
    ]
    pod = {"podSpec": {"containers": containers}, "primaryContainerName": "main"}
    assert specs.task_spec(declared(k8sPod=pod)).policy.resources == ResourceRequest(cpu=2.0, gpu=1)


def test_a_condition_ends_when_its_time_is_up() -> None:
    condition = run_definition_pb2.ConditionAction(name="approve")
    condition.timeout.FromSeconds(30)
    spec = specs.task_spec(condition, ActionKind.CONDITION)
    assert spec.task_name == "approve"
    assert spec.policy.timeout.deadline_s == 30


def test_a_trace_is_the_same_spec_whenever_it_ran() -> None:
    early, late = (run_definition_pb2.TraceAction(name="step") for _ in range(2))
    late.start_time.FromSeconds(99)
    digests = {specs.task_spec(each, ActionKind.TRACE).digest for each in (early, late)}
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("text", "amount"),
    [("2", 2), ("500m", Decimal("0.5")), ("1Ki", 1024), ("1.5G", 1_500_000_000), ("", None), (" 3 ", 3)],
)
def test_quantities(text: str, amount: Decimal | None) -> None:
    assert specs.quantity(text) == amount


@pytest.mark.parametrize("text", ["lots", "2Q", "-1", "1e3", "."])
def test_what_is_no_quantity_is_named(text: str) -> None:
    with pytest.raises(InvalidArgument, match="no amount of a resource"):
        specs.quantity(text)


def test_a_damaged_spec_is_named() -> None:
    with pytest.raises(InvalidArgument, match="The spec of this task is damaged"):
        specs.task_spec(b"\xff\xff")
    with pytest.raises(InvalidArgument, match="no name"):
        specs.task_spec(tasks_pb2.TaskTemplate().SerializeToString())
