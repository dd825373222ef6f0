# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Engines that run a pure function of tensors: as it is, or recorded once and replayed.

Autograd derives the meta-gradient anew in every step, and most of a small step is that and
Python. Recorded once, with all its derivatives, the step is a plain list of tensor operations:
TorchScript's interpreter replays it, Inductor turns it into fused machine code, and on a GPU
either becomes one CUDA graph. The function must be pure, and may branch on shapes only.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, TypeVarTuple, get_args

import torch
from torch import Tensor
from torch.fx import GraphModule

from ml3_ros.core.engine.recording import Program, record, with_constants
from ml3_ros.core.engine.trees import Layout, flatten, rebuild
from ml3_ros.errors import ConfigError

Values = TypeVarTuple("Values")
Result = TypeVar("Result")

_WARM_UPS = 3  # runs before a CUDA graph is captured; lazy initialisation is not capturable


EngineKind = Literal["autograd", "replayed", "compiled", "higher"]
ENGINE_KINDS: tuple[EngineKind, ...] = get_args(EngineKind)


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """How steps are computed; the results are the same up to rounding.

    Attributes:
        kind: "autograd" derives every step anew and needs no preparation; "replayed" records the
            first step, in seconds; "compiled" also compiles it, in up to minutes (kept on disk
            by Inductor) and needs a C++ compiler; "higher" trains models one by one through the
            library of that name, slowly, and takes any `nn.Module` as optimizee.
        device: "cpu" or "cuda"; on the latter a step is captured as one CUDA graph, so it must be
            recorded.
        segment: Inner steps whose graph is in memory at once, see `meta_gradient`; None keeps
            all. For long unrolls.
    """

    kind: EngineKind = "autograd"
    device: Literal["cpu", "cuda"] = "cpu"
    segment: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in ENGINE_KINDS:
            raise ConfigError(f"no engine {self.kind!r}: use one of {', '.join(ENGINE_KINDS)}")
        if self.segment is not None and self.segment < 1:
            raise ConfigError(f"segment must be >= 1 or None, got {self.segment}")
        if self.device not in ("cpu", "cuda"):
            raise ConfigError(f"no device {self.device!r}: use 'cpu' or 'cuda'")
        if self.kind == "higher" and self.segment is not None:
            raise ConfigError("engine 'higher' keeps the graph of all steps: leave segment out")
        if self.device == "cuda" and not self.records:
            raise ConfigError("on 'cuda' steps are CUDA graphs: use kind 'replayed' or 'compiled'")
        if self.device == "cuda" and not torch.cuda.is_available():
            raise ConfigError("this PyTorch sees no CUDA device: use device 'cpu'")

    @staticmethod
    def parse(text: str) -> "Engine":
        """Return the engine of a text KIND or KIND:DEVICE, such as "replayed:cuda"."""
        kind, _, device = text.partition(":")
        values: Any = {"kind": kind, "device": device or "cpu"}  # checked when it is made
        return Engine(**values)

    @property
    def records(self) -> bool:
        """Whether steps are recorded, which pure functions of tensors can be."""
        return self.kind in ("replayed", "compiled")

    def prepare(self, step: Callable[[*Values], Result]) -> Callable[[*Values], Result]:
        """Return `step`, or what computes the same faster after its first call.

        Args:
            step: A pure function of positional arguments; they and its result are tensors, or
                dicts, tuples and dataclasses of such values.
        """
        return _Recorded(step, self) if self.records else step


AUTOGRAD = Engine()
"""The engine that needs no preparation."""


class _Recorded(Generic[*Values, Result]):
    """Records a function at its first call, and again for every new set of shapes."""

    def __init__(self, step: Callable[[*Values], Result], engine: Engine) -> None:
        self.step, self.engine = step, engine
        self._programs: dict[Any, tuple[Program, Layout]] = {}

    def __call__(self, *values: *Values) -> Result:
        inputs: list[Tensor] = []
        layout = flatten(values, inputs)
        signature = (layout, tuple([(x.shape, x.dtype) for x in inputs]))
        if signature not in self._programs:
            self._programs[signature] = self._record(layout, inputs)
        program, returned = self._programs[signature]
        with torch.no_grad():
            result: Result = rebuild(returned, iter(program(*inputs)))
        return result

    def _record(self, layout: Layout, inputs: list[Tensor]) -> tuple[Program, Layout]:
        returned: Layout = None

        def flat(*tensors: Tensor) -> tuple[Tensor, ...]:
            nonlocal returned
            outputs: list[Tensor] = []
            returned = flatten(self.step(*rebuild(layout, iter(tensors))), outputs)
            return tuple(outputs)

        # everything is recorded on the CPU, so that only this file knows of devices
        example: list[Any] = [x.detach().cpu() for x in inputs]
        graph = record(flat, example)
        if self.engine.device == "cuda":
            graph, example = _moved(graph), [x.cuda() for x in example]
        build = _compile if self.engine.kind == "compiled" else _replay
        with torch.no_grad():
            program = build(graph, example)
        if self.engine.device == "cuda":
            program = _captured(program, example)
        return program, returned


def _compile(graph: GraphModule, example: list[Any]) -> Program:
    """Return the graph as machine code.

    Raises:
        ConfigError: There is no compiler, or it fails.
    """
    from torch._inductor.exc import InductorError  # loaded when needed, as in `recording`

    for node in graph.graph.nodes:
        node.meta.clear()  # else Inductor takes the recorded shapes for its own, of another kind
    # calls from C++ save a third of a small step; a CUDA graph has no calls
    options = {"cpp_wrapper": not example[0].is_cuda}
    try:
        program: Program = torch._inductor.compile(graph, example, options=options)
    except InductorError as error:
        raise ConfigError(
            f"the step cannot be compiled ({str(error).splitlines()[0]}): install a C++ compiler "
            "such as g++, or use the engine 'replayed'"
        ) from error
    return program


def _replay(graph: GraphModule, example: list[Tensor]) -> Program:
    """Return the graph for TorchScript's interpreter, which is faster than Python's."""
    with warnings.catch_warnings():
        # deprecated in favour of torch.compile, which is what the other kind of engine is
        warnings.simplefilter("ignore", DeprecationWarning)
        trace: Any = torch.jit.trace  # untyped
        program: Program = trace(with_constants(graph), tuple(example), check_trace=False)
    return program


def _moved(graph: GraphModule) -> GraphModule:
    """Return a graph that was recorded on the CPU as one for CUDA."""
    device = torch.device("cuda")
    for node in graph.graph.nodes:
        if "device" in node.kwargs:
            node.kwargs = {**node.kwargs, "device": device}
        if node.op == "get_attr":
            setattr(graph, node.target, getattr(graph, node.target).to(device))
    graph.recompile()
    return graph


def _captured(program: Program, example: list[Tensor]) -> Program:
    """Return a program that launches as one CUDA graph; its inputs may be anywhere."""
    inputs = [x.clone() for x in example]
    new_stream: Any = torch.cuda.Stream  # untyped
    side = new_stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.no_grad(), torch.cuda.stream(side):
        for _ in range(_WARM_UPS):
            program(*inputs)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.no_grad(), torch.cuda.graph(graph):
        outputs = program(*inputs)

    def launch(*tensors: Tensor) -> tuple[Tensor, ...]:
        for kept, given in zip(inputs, tensors, strict=True):
            kept.copy_(given, non_blocking=True)
        graph.replay()
        return tuple(x.clone() for x in outputs)  # the next launch overwrites the graph's own

    return launch
