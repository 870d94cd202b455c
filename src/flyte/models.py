"""Names that scripts import for annotations and comparisons: phases, what names an action, where checkpoints lie."""

from flyte._authoring.interface import NativeInterface
from flyte._context import ActionID, CheckpointPaths, GroupData, TaskContext
from flyte_core.model import Phase as ActionPhase

__all__ = ["ActionID", "ActionPhase", "CheckpointPaths", "GroupData", "NativeInterface", "TaskContext"]
