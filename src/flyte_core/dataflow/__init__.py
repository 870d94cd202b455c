"""How data flowed between the actions of a run. Pure: the standard library and the model only."""

from flyte_core.dataflow.edges import CONFIDENCES, RELATIONS, Confidence, Edge, Relation

__all__ = ["CONFIDENCES", "RELATIONS", "Confidence", "Edge", "Relation"]
