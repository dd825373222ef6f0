# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""A pure function of tensors, written down as a list of operations and rewritten to be faster."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

Program = Callable[..., tuple[Tensor, ...]]
"""Tensors in, tensors out; pure."""

_NARROW = 16  # columns below which a product is faster transposed: the vector width of float32
_aten = torch.ops.aten
_NO_OPS = (_aten.detach.default, _aten.alias.default, _aten.lift_fresh_copy.default)
_WITH_TENSOR = {
    op.Scalar: op.Tensor
    for op in (_aten.mul, _aten.div, _aten.add, _aten.sub, _aten.lt, _aten.le, _aten.gt, _aten.ge)
}
"""Operations on a tensor and a number, and the same on two tensors."""


def record(function: Program, example: list[Tensor]) -> GraphModule:
    """Return the list of operations that `function` does, derivatives included.

    Args:
        function: Tensors in, tensors out; pure.
        example: Tensors of the shapes and types that it will be called with.
    """
    # loaded when needed: they take as long as a third of torch itself
    from torch._functorch.compile_utils import fx_graph_cse
    from torch.fx.experimental.proxy_tensor import make_fx

    module = make_fx(function, decomposition_table=_DECOMPOSITIONS)(*example)
    for node in list(module.graph.nodes):
        if node.op == "call_function" and node.target in _NO_OPS:
            node.replace_all_uses_with(node.args[0])
            module.graph.erase_node(node)
    _untranspose(module)
    module.graph.eliminate_dead_code()
    return GraphModule(module, fx_graph_cse(module.graph))


def with_constants(module: GraphModule) -> GraphModule:
    """Return a recorded graph with numbers as tensors, which saves a conversion at each use."""
    graph: Any = module.graph  # its arguments are too many types to tell apart
    names: dict[tuple[float, torch.dtype], str] = {}
    for node in list(graph.nodes):
        target = _WITH_TENSOR.get(node.target, node.target)
        if node.op != "call_function" or target not in _WITH_TENSOR.values():
            continue
        x, number = node.args[:2]
        if not isinstance(x, Node) or isinstance(number, Node) or not _is_float(x):
            continue
        key = (float(number), _value(x).dtype)
        if key not in names:
            names[key] = f"_number_{len(names)}"
            module.register_buffer(names[key], torch.tensor(key[0], dtype=key[1]))
        with graph.inserting_before(node):
            constant = graph.get_attr(names[key])
        node.target, node.args = target, (x, constant, *node.args[2:])
    module.recompile()
    return module


def _untranspose(module: GraphModule) -> None:
    """Compute products the way round that they are used, so that sums read memory in order."""
    graph: Any = module.graph
    for node in list(graph.nodes):
        if not _is_transpose(node):
            continue
        (inner, *_) = node.args
        if _is_transpose(inner):
            node.replace_all_uses_with(inner.args[0])
        elif inner.target is _aten.bmm.default and len(inner.users) == 1:
            a, b = inner.args
            if _value(a).shape[-2] < _NARROW <= _value(b).shape[-1]:
                continue  # the other way round on purpose, see `_bmm`
            with graph.inserting_before(node):
                flipped = [graph.call_function(_aten.transpose.int, (x, 1, 2)) for x in (b, a)]
                product = graph.call_function(_aten.bmm.default, tuple(flipped))
            for new, source in zip((*flipped, product), (b, a, inner), strict=True):
                new.meta["val"] = _value(source).transpose(-2, -1)
            node.replace_all_uses_with(product)


def _is_transpose(node: Any) -> bool:
    """Return whether a node swaps rows and columns of a batch of matrices."""
    if node.target is not _aten.transpose.int:
        return False
    x, *dims = node.args
    return _value(x).dim() == 3 and sorted(d % 3 for d in dims) == [1, 2]


def _is_float(node: Any) -> bool:
    value = node.meta.get("val")
    return isinstance(value, Tensor) and value.is_floating_point()


def _value(node: Any) -> Tensor:
    """Return the shape and type that were recorded, as a tensor without content."""
    value: Tensor = node.meta["val"]
    return value


def _bmm(a: Tensor, b: Tensor) -> Tensor:
    """Return a @ b; a narrow result is computed transposed, which is up to 10 times faster."""
    if a.shape[-1] == 1:
        return a * b
    if b.shape[-1] < _NARROW <= a.shape[-2]:
        return torch.bmm(b.mT, a.mT).mT
    result: Tensor = NotImplemented  # leaves the operation as it is
    return result


def _baddbmm(bias: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """Return bias + a @ b, likewise."""
    if beta == alpha == 1 and b.shape[-1] < _NARROW <= a.shape[-2]:
        return torch.bmm(b.mT, a.mT).mT + bias
    result: Tensor = NotImplemented
    return result


def _elu(x: Tensor, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Tensor:
    """Return ELU, written with an exponential that its derivatives share."""
    if not alpha == scale == input_scale == 1.0:
        result: Tensor = NotImplemented
        return result
    return x.clamp_min(0.0) + (x.clamp_max(0.0).exp() - 1.0)


def _elu_backward(
    grad: Tensor, alpha: float, scale: float, input_scale: float, is_result: bool, x: Tensor
) -> Tensor:
    if is_result or not alpha == scale == input_scale == 1.0:
        result: Tensor = NotImplemented
        return result
    return grad * x.clamp_max(0.0).exp()


_DECOMPOSITIONS: dict[Any, Callable[..., Tensor]] = {
    _aten.bmm.default: _bmm,
    _aten.baddbmm.default: _baddbmm,
    _aten.elu.default: _elu,
    _aten.elu_backward.default: _elu_backward,
}
