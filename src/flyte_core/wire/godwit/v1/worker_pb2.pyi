from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ActionRef(_message.Message):
    __slots__ = ("project", "domain", "run", "action")
    PROJECT_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    project: str
    domain: str
    run: str
    action: str
    def __init__(self, project: _Optional[str] = ..., domain: _Optional[str] = ..., run: _Optional[str] = ..., action: _Optional[str] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ("code", "message", "system", "recoverable", "traceback", "worker")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    RECOVERABLE_FIELD_NUMBER: _ClassVar[int]
    TRACEBACK_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    code: str
    message: str
    system: bool
    recoverable: bool
    traceback: str
    worker: str
    def __init__(self, code: _Optional[str] = ..., message: _Optional[str] = ..., system: bool = ..., recoverable: bool = ..., traceback: _Optional[str] = ..., worker: _Optional[str] = ...) -> None: ...

class Payload(_message.Message):
    __slots__ = ("data", "uri", "sha256", "size_bytes", "present")
    DATA_FIELD_NUMBER: _ClassVar[int]
    URI_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    PRESENT_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    uri: str
    sha256: str
    size_bytes: int
    present: bool
    def __init__(self, data: _Optional[bytes] = ..., uri: _Optional[str] = ..., sha256: _Optional[str] = ..., size_bytes: _Optional[int] = ..., present: bool = ...) -> None: ...

class Trace(_message.Message):
    __slots__ = ("started_at_us", "ended_at_us", "outputs", "error")
    STARTED_AT_US_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_US_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    started_at_us: int
    ended_at_us: int
    outputs: Payload
    error: Error
    def __init__(self, started_at_us: _Optional[int] = ..., ended_at_us: _Optional[int] = ..., outputs: _Optional[_Union[Payload, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ...) -> None: ...

class Edge(_message.Message):
    __slots__ = ("source", "source_path", "param", "path", "relation", "confidence", "target")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_PATH_FIELD_NUMBER: _ClassVar[int]
    PARAM_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    RELATION_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    source: str
    source_path: str
    param: str
    path: str
    relation: str
    confidence: str
    target: str
    def __init__(self, source: _Optional[str] = ..., source_path: _Optional[str] = ..., param: _Optional[str] = ..., path: _Optional[str] = ..., relation: _Optional[str] = ..., confidence: _Optional[str] = ..., target: _Optional[str] = ...) -> None: ...

class Edges(_message.Message):
    __slots__ = ("edges", "reading_us", "writing_us")
    EDGES_FIELD_NUMBER: _ClassVar[int]
    READING_US_FIELD_NUMBER: _ClassVar[int]
    WRITING_US_FIELD_NUMBER: _ClassVar[int]
    edges: _containers.RepeatedCompositeFieldContainer[Edge]
    reading_us: int
    writing_us: int
    def __init__(self, edges: _Optional[_Iterable[_Union[Edge, _Mapping]]] = ..., reading_us: _Optional[int] = ..., writing_us: _Optional[int] = ...) -> None: ...

class Child(_message.Message):
    __slots__ = ("name", "kind", "spec", "spec_sha256", "group", "inputs", "cache_key", "trace", "loose_inputs", "edges")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    SPEC_SHA256_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    CACHE_KEY_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    LOOSE_INPUTS_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: str
    spec: bytes
    spec_sha256: str
    group: str
    inputs: Payload
    cache_key: str
    trace: Trace
    loose_inputs: bool
    edges: _containers.RepeatedCompositeFieldContainer[Edge]
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[str] = ..., spec: _Optional[bytes] = ..., spec_sha256: _Optional[str] = ..., group: _Optional[str] = ..., inputs: _Optional[_Union[Payload, _Mapping]] = ..., cache_key: _Optional[str] = ..., trace: _Optional[_Union[Trace, _Mapping]] = ..., loose_inputs: bool = ..., edges: _Optional[_Iterable[_Union[Edge, _Mapping]]] = ...) -> None: ...

class EnqueueRequest(_message.Message):
    __slots__ = ("parent", "token", "children")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    CHILDREN_FIELD_NUMBER: _ClassVar[int]
    parent: ActionRef
    token: int
    children: _containers.RepeatedCompositeFieldContainer[Child]
    def __init__(self, parent: _Optional[_Union[ActionRef, _Mapping]] = ..., token: _Optional[int] = ..., children: _Optional[_Iterable[_Union[Child, _Mapping]]] = ...) -> None: ...

class EnqueueResponse(_message.Message):
    __slots__ = ("refused",)
    class RefusedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: int
        value: Error
        def __init__(self, key: _Optional[int] = ..., value: _Optional[_Union[Error, _Mapping]] = ...) -> None: ...
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    refused: _containers.MessageMap[int, Error]
    def __init__(self, refused: _Optional[_Mapping[int, Error]] = ...) -> None: ...

class WatchChildrenRequest(_message.Message):
    __slots__ = ("parent", "token", "after_seq")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQ_FIELD_NUMBER: _ClassVar[int]
    parent: ActionRef
    token: int
    after_seq: int
    def __init__(self, parent: _Optional[_Union[ActionRef, _Mapping]] = ..., token: _Optional[int] = ..., after_seq: _Optional[int] = ...) -> None: ...

class ChildUpdate(_message.Message):
    __slots__ = ("name", "phase", "outputs", "error", "seq", "cache_status", "kind")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    CACHE_STATUS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    name: str
    phase: str
    outputs: Payload
    error: Error
    seq: int
    cache_status: str
    kind: str
    def __init__(self, name: _Optional[str] = ..., phase: _Optional[str] = ..., outputs: _Optional[_Union[Payload, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ..., seq: _Optional[int] = ..., cache_status: _Optional[str] = ..., kind: _Optional[str] = ...) -> None: ...

class WatchChildrenResponse(_message.Message):
    __slots__ = ("updates", "current", "seq")
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    updates: _containers.RepeatedCompositeFieldContainer[ChildUpdate]
    current: bool
    seq: int
    def __init__(self, updates: _Optional[_Iterable[_Union[ChildUpdate, _Mapping]]] = ..., current: bool = ..., seq: _Optional[int] = ...) -> None: ...

class AbortChildRequest(_message.Message):
    __slots__ = ("parent", "token", "name", "reason")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    parent: ActionRef
    token: int
    name: str
    reason: str
    def __init__(self, parent: _Optional[_Union[ActionRef, _Mapping]] = ..., token: _Optional[int] = ..., name: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class AbortChildResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReplayedRequest(_message.Message):
    __slots__ = ("parent", "token", "asked")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    ASKED_FIELD_NUMBER: _ClassVar[int]
    parent: ActionRef
    token: int
    asked: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, parent: _Optional[_Union[ActionRef, _Mapping]] = ..., token: _Optional[int] = ..., asked: _Optional[_Iterable[str]] = ...) -> None: ...

class ReplayedResponse(_message.Message):
    __slots__ = ("divergence",)
    DIVERGENCE_FIELD_NUMBER: _ClassVar[int]
    divergence: str
    def __init__(self, divergence: _Optional[str] = ...) -> None: ...

class RecallRequest(_message.Message):
    __slots__ = ("parent", "token", "name")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    parent: ActionRef
    token: int
    name: str
    def __init__(self, parent: _Optional[_Union[ActionRef, _Mapping]] = ..., token: _Optional[int] = ..., name: _Optional[str] = ...) -> None: ...

class RecallResponse(_message.Message):
    __slots__ = ("found",)
    FOUND_FIELD_NUMBER: _ClassVar[int]
    found: ChildUpdate
    def __init__(self, found: _Optional[_Union[ChildUpdate, _Mapping]] = ...) -> None: ...

class RestRequest(_message.Message):
    __slots__ = ("action", "token")
    ACTION_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    action: ActionRef
    token: int
    def __init__(self, action: _Optional[_Union[ActionRef, _Mapping]] = ..., token: _Optional[int] = ...) -> None: ...

class RestResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PullRequest(_message.Message):
    __slots__ = ("worker_id", "pid", "pool", "concurrency", "tokens")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    pid: int
    pool: str
    concurrency: int
    tokens: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, worker_id: _Optional[str] = ..., pid: _Optional[int] = ..., pool: _Optional[str] = ..., concurrency: _Optional[int] = ..., tokens: _Optional[_Iterable[int]] = ...) -> None: ...

class Assignment(_message.Message):
    __slots__ = ("action", "token", "attempt", "argv", "env", "attempt_dir", "inputs")
    class EnvEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ACTION_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    ARGV_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_DIR_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    action: ActionRef
    token: int
    attempt: int
    argv: _containers.RepeatedScalarFieldContainer[str]
    env: _containers.ScalarMap[str, str]
    attempt_dir: str
    inputs: Payload
    def __init__(self, action: _Optional[_Union[ActionRef, _Mapping]] = ..., token: _Optional[int] = ..., attempt: _Optional[int] = ..., argv: _Optional[_Iterable[str]] = ..., env: _Optional[_Mapping[str, str]] = ..., attempt_dir: _Optional[str] = ..., inputs: _Optional[_Union[Payload, _Mapping]] = ...) -> None: ...

class PullResponse(_message.Message):
    __slots__ = ("assignments", "cancel", "drain")
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    assignments: _containers.RepeatedCompositeFieldContainer[Assignment]
    cancel: _containers.RepeatedScalarFieldContainer[int]
    drain: bool
    def __init__(self, assignments: _Optional[_Iterable[_Union[Assignment, _Mapping]]] = ..., cancel: _Optional[_Iterable[int]] = ..., drain: bool = ...) -> None: ...

class Report(_message.Message):
    __slots__ = ("action", "token", "outputs", "error", "edges", "reading_us", "writing_us")
    ACTION_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    READING_US_FIELD_NUMBER: _ClassVar[int]
    WRITING_US_FIELD_NUMBER: _ClassVar[int]
    action: ActionRef
    token: int
    outputs: Payload
    error: Error
    edges: _containers.RepeatedCompositeFieldContainer[Edge]
    reading_us: int
    writing_us: int
    def __init__(self, action: _Optional[_Union[ActionRef, _Mapping]] = ..., token: _Optional[int] = ..., outputs: _Optional[_Union[Payload, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ..., edges: _Optional[_Iterable[_Union[Edge, _Mapping]]] = ..., reading_us: _Optional[int] = ..., writing_us: _Optional[int] = ...) -> None: ...

class ReportRequest(_message.Message):
    __slots__ = ("worker_id", "reports")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    reports: _containers.RepeatedCompositeFieldContainer[Report]
    def __init__(self, worker_id: _Optional[str] = ..., reports: _Optional[_Iterable[_Union[Report, _Mapping]]] = ...) -> None: ...

class ReportResponse(_message.Message):
    __slots__ = ("verdicts",)
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    verdicts: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, verdicts: _Optional[_Iterable[str]] = ...) -> None: ...
