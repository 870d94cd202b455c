"""Tensors come back to the bit, from a task and within structures."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

import flyte
from flyte.types import TypeEngine


@dataclass
class Batch:
    weights: torch.Tensor
    names: list[str]


env = flyte.TaskEnvironment(name="tensors")


@env.task
def double(batch: Batch, raw: torch.Tensor) -> tuple[Batch, torch.Tensor]:
    raw[0] = 0
    return Batch(batch.weights * 2, batch.names), raw


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FLYTE_HOME", str(tmp_path))
    yield


DTYPES = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.uint8,
    torch.bool,
    torch.complex64,
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3, 5), (300, 400)])
async def test_a_tensor_comes_back_to_the_bit(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    value = (torch.rand(shape) * 100).to(dtype)
    literal = await TypeEngine.to_literal(value, torch.Tensor)
    back = await TypeEngine.to_python_value(
        type(literal).FromString(literal.SerializeToString()), torch.Tensor
    )
    assert (back.dtype, back.shape, back.requires_grad) == (value.dtype, value.shape, False)
    assert torch.equal(back, value)


async def test_views_gradients_and_other_kinds() -> None:
    for value in (
        torch.arange(12.0).reshape(3, 4).T,
        torch.ones(3, requires_grad=True),
        torch.nn.Parameter(torch.ones(2)),
        torch.eye(3).to_sparse(),
    ):
        back = await TypeEngine.to_python_value(
            await TypeEngine.to_literal(value, torch.Tensor), torch.Tensor
        )
        assert type(back) is type(value) and back.requires_grad == value.requires_grad
        assert torch.equal(
            back.to_dense() if back.is_sparse else back, value.to_dense() if value.is_sparse else value
        )


async def test_equal_bytes_of_other_types_hash_apart() -> None:
    value = torch.zeros(100_000, dtype=torch.int32)
    one = await TypeEngine.to_literal(value, torch.Tensor)
    other = await TypeEngine.to_literal(value.to(torch.float32), torch.Tensor)
    assert one.hash != other.hash


def test_through_a_task() -> None:
    raw = torch.ones(200_000)
    run = flyte.run(double, batch=Batch(torch.tensor([1.5, 2.5]), ["a"]), raw=raw)
    batch, changed = run.outputs()
    assert batch.weights.tolist() == [3.0, 5.0] and batch.names == ["a"]
    assert (changed.sum().item(), raw.sum().item()) == (199_999.0, 200_000.0)
