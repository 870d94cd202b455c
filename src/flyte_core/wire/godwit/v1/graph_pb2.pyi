from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RunRef(_message.Message):
    __slots__ = ("project", "domain", "run")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    project: str
    domain: str
    run: str
    def __init__(self, project: _Optional[str] = ..., domain: _Optional[str] = ..., run: _Optional[str] = ...) -> None: ...

class GraphNode(_message.Message):
    __slots__ = ("action", "parent", "task", "name", "kind", "seq", "phase", "start_ms", "end_ms", "group")
    ACTION_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    START_MS_FIELD_NUMBER: _ClassVar[int]
    END_MS_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    action: str
    parent: str
    task: str
    name: str
    kind: str
    seq: int
    phase: str
    start_ms: float
    end_ms: float
    group: str
    def __init__(self, action: _Optional[str] = ..., parent: _Optional[str] = ..., task: _Optional[str] = ..., name: _Optional[str] = ..., kind: _Optional[str] = ..., seq: _Optional[int] = ..., phase: _Optional[str] = ..., start_ms: _Optional[float] = ..., end_ms: _Optional[float] = ..., group: _Optional[str] = ...) -> None: ...

class GraphEdge(_message.Message):
    __slots__ = ("source", "source_path", "target", "target_param", "target_path", "relation", "confidence")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_PATH_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    TARGET_PARAM_FIELD_NUMBER: _ClassVar[int]
    TARGET_PATH_FIELD_NUMBER: _ClassVar[int]
    RELATION_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    source: str
    source_path: str
    target: str
    target_param: str
    target_path: str
    relation: str
    confidence: str
    def __init__(self, source: _Optional[str] = ..., source_path: _Optional[str] = ..., target: _Optional[str] = ..., target_param: _Optional[str] = ..., target_path: _Optional[str] = ..., relation: _Optional[str] = ..., confidence: _Optional[str] = ...) -> None: ...

class GraphSegment(_message.Message):
    __slots__ = ("action", "phase", "start_ms", "end_ms")
    ACTION_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    START_MS_FIELD_NUMBER: _ClassVar[int]
    END_MS_FIELD_NUMBER: _ClassVar[int]
    action: str
    phase: str
    start_ms: float
    end_ms: float
    def __init__(self, action: _Optional[str] = ..., phase: _Optional[str] = ..., start_ms: _Optional[float] = ..., end_ms: _Optional[float] = ...) -> None: ...

class GetGraphRequest(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: RunRef
    def __init__(self, run: _Optional[_Union[RunRef, _Mapping]] = ...) -> None: ...

class GetGraphResponse(_message.Message):
    __slots__ = ("run", "nodes", "edges", "critical_path")
    RUN_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    CRITICAL_PATH_FIELD_NUMBER: _ClassVar[int]
    run: str
    nodes: _containers.RepeatedCompositeFieldContainer[GraphNode]
    edges: _containers.RepeatedCompositeFieldContainer[GraphEdge]
    critical_path: _containers.RepeatedCompositeFieldContainer[GraphSegment]
    def __init__(self, run: _Optional[str] = ..., nodes: _Optional[_Iterable[_Union[GraphNode, _Mapping]]] = ..., edges: _Optional[_Iterable[_Union[GraphEdge, _Mapping]]] = ..., critical_path: _Optional[_Iterable[_Union[GraphSegment, _Mapping]]] = ...) -> None: ...

class Times(_message.Message):
    __slots__ = ("queued_ms", "waiting_for_resources_ms", "starting_ms", "user_code_ms", "waiting_for_children_ms", "waiting_for_answer_ms", "reading_inputs_ms", "writing_outputs_ms")
    QUEUED_MS_FIELD_NUMBER: _ClassVar[int]
    WAITING_FOR_RESOURCES_MS_FIELD_NUMBER: _ClassVar[int]
    STARTING_MS_FIELD_NUMBER: _ClassVar[int]
    USER_CODE_MS_FIELD_NUMBER: _ClassVar[int]
    WAITING_FOR_CHILDREN_MS_FIELD_NUMBER: _ClassVar[int]
    WAITING_FOR_ANSWER_MS_FIELD_NUMBER: _ClassVar[int]
    READING_INPUTS_MS_FIELD_NUMBER: _ClassVar[int]
    WRITING_OUTPUTS_MS_FIELD_NUMBER: _ClassVar[int]
    queued_ms: float
    waiting_for_resources_ms: float
    starting_ms: float
    user_code_ms: float
    waiting_for_children_ms: float
    waiting_for_answer_ms: float
    reading_inputs_ms: float
    writing_outputs_ms: float
    def __init__(self, queued_ms: _Optional[float] = ..., waiting_for_resources_ms: _Optional[float] = ..., starting_ms: _Optional[float] = ..., user_code_ms: _Optional[float] = ..., waiting_for_children_ms: _Optional[float] = ..., waiting_for_answer_ms: _Optional[float] = ..., reading_inputs_ms: _Optional[float] = ..., writing_outputs_ms: _Optional[float] = ...) -> None: ...

class OnPath(_message.Message):
    __slots__ = ("actions", "time_ms", "share", "times")
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    TIME_MS_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    TIMES_FIELD_NUMBER: _ClassVar[int]
    actions: int
    time_ms: float
    share: float
    times: Times
    def __init__(self, actions: _Optional[int] = ..., time_ms: _Optional[float] = ..., share: _Optional[float] = ..., times: _Optional[_Union[Times, _Mapping]] = ...) -> None: ...

class TaskTime(_message.Message):
    __slots__ = ("task", "name", "actions", "total", "on_path")
    TASK_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    ON_PATH_FIELD_NUMBER: _ClassVar[int]
    task: str
    name: str
    actions: int
    total: Times
    on_path: OnPath
    def __init__(self, task: _Optional[str] = ..., name: _Optional[str] = ..., actions: _Optional[int] = ..., total: _Optional[_Union[Times, _Mapping]] = ..., on_path: _Optional[_Union[OnPath, _Mapping]] = ...) -> None: ...

class Improvement(_message.Message):
    __slots__ = ("change", "task", "title", "saves_ms")
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    SAVES_MS_FIELD_NUMBER: _ClassVar[int]
    change: str
    task: str
    title: str
    saves_ms: float
    def __init__(self, change: _Optional[str] = ..., task: _Optional[str] = ..., title: _Optional[str] = ..., saves_ms: _Optional[float] = ...) -> None: ...

class Parallelism(_message.Message):
    __slots__ = ("peak", "average", "slices")
    PEAK_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_FIELD_NUMBER: _ClassVar[int]
    SLICES_FIELD_NUMBER: _ClassVar[int]
    peak: int
    average: float
    slices: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, peak: _Optional[int] = ..., average: _Optional[float] = ..., slices: _Optional[_Iterable[float]] = ...) -> None: ...

class ActionTime(_message.Message):
    __slots__ = ("action", "name", "duration_ms", "slack_ms", "on_path")
    ACTION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    SLACK_MS_FIELD_NUMBER: _ClassVar[int]
    ON_PATH_FIELD_NUMBER: _ClassVar[int]
    action: str
    name: str
    duration_ms: float
    slack_ms: float
    on_path: bool
    def __init__(self, action: _Optional[str] = ..., name: _Optional[str] = ..., duration_ms: _Optional[float] = ..., slack_ms: _Optional[float] = ..., on_path: bool = ...) -> None: ...

class GetBottlenecksRequest(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: RunRef
    def __init__(self, run: _Optional[_Union[RunRef, _Mapping]] = ...) -> None: ...

class GetBottlenecksResponse(_message.Message):
    __slots__ = ("run", "duration_ms", "open", "path", "tasks", "improvements", "parallelism", "actions")
    RUN_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    IMPROVEMENTS_FIELD_NUMBER: _ClassVar[int]
    PARALLELISM_FIELD_NUMBER: _ClassVar[int]
    ACTIONS_FIELD_NUMBER: _ClassVar[int]
    run: str
    duration_ms: float
    open: bool
    path: Times
    tasks: _containers.RepeatedCompositeFieldContainer[TaskTime]
    improvements: _containers.RepeatedCompositeFieldContainer[Improvement]
    parallelism: Parallelism
    actions: _containers.RepeatedCompositeFieldContainer[ActionTime]
    def __init__(self, run: _Optional[str] = ..., duration_ms: _Optional[float] = ..., open: bool = ..., path: _Optional[_Union[Times, _Mapping]] = ..., tasks: _Optional[_Iterable[_Union[TaskTime, _Mapping]]] = ..., improvements: _Optional[_Iterable[_Union[Improvement, _Mapping]]] = ..., parallelism: _Optional[_Union[Parallelism, _Mapping]] = ..., actions: _Optional[_Iterable[_Union[ActionTime, _Mapping]]] = ...) -> None: ...
