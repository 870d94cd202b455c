"""PyTorch tensors in tasks: their raw bytes, mapped into memory by whoever gets them."""

import json
import pickle
from typing import Any, Final

import numpy as np
import torch
from flyteidl2.core.literals_pb2 import Literal
from flyteidl2.core.types_pb2 import BlobType, LiteralType

from flyte.types import TypeEngine, TypeTransformer

_KEY: Final = "torch"
_BETWEEN: Final = "|"
"""Stands between the hash of the bytes and what they mean: equal bytes may be different tensors."""


class TensorTransformer(TypeTransformer[torch.Tensor]):
    """`torch.Tensor`; see the README for what is kept."""

    def __init__(self) -> None:
        super().__init__("torch.Tensor", torch.Tensor)

    def get_literal_type(self, t: Any) -> LiteralType:
        return LiteralType(blob=BlobType(format=_KEY))

    async def to_literal(self, python_val: torch.Tensor, python_type: Any, expected: Any) -> Literal:
        if (
            type(python_val) is not torch.Tensor
            or python_val.layout is not torch.strided
            or python_val.is_quantized
        ):
            literal = Literal()
            literal.scalar.binary.value = pickle.dumps(python_val, protocol=5)
            return literal
        flat = python_val.detach().to("cpu").contiguous().reshape(-1)
        raw = flat.view(torch.uint8).numpy()
        literal = await TypeEngine.to_literal(raw, np.ndarray)
        meaning = json.dumps(
            {
                "dtype": str(python_val.dtype).removeprefix("torch."),
                "shape": list(python_val.shape),
                "grad": python_val.requires_grad,
            }
        )
        literal.metadata[_KEY] = meaning
        if literal.hash:
            literal.hash += _BETWEEN + meaning
        return literal

    async def to_python_value(self, lv: Literal, expected_python_type: Any) -> torch.Tensor:
        if _KEY not in lv.metadata:
            found: torch.Tensor = pickle.loads(lv.scalar.binary.value)
            return found
        meaning = json.loads(lv.metadata[_KEY])
        inner = Literal()
        inner.CopyFrom(lv)
        inner.hash = lv.hash.partition(_BETWEEN)[0]
        raw = await TypeEngine.to_python_value(inner, np.ndarray)
        dtype = getattr(torch, meaning["dtype"])
        flat = torch.from_numpy(raw).view(dtype) if raw.size else torch.empty(0, dtype=dtype)
        return flat.reshape(meaning["shape"]).requires_grad_(meaning["grad"])


def register() -> None:
    """What the entry point calls."""
    TypeEngine.register(TensorTransformer())
