"""Faster ways to run a pure function of tensors: written down once, then replayed or compiled.

Autograd derives the meta-gradient anew in every step, and most of a small step is that and
Python. Recorded once, with all its derivatives, the step is a plain list of tensor operations:
TorchScript's interpreter replays it, Inductor turns it into fused machine code, and on a GPU
either becomes one CUDA graph. The function must be pure, and may branch on shapes only.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.fx import GraphModule

from ml3_ros.core.engine.recording import Program, record, with_constants
from ml3_ros.core.types import Params
from ml3_ros.errors import ConfigError

Step = Callable[..., tuple[Params, ...]]
"""Dicts of tensors in, dicts of tensors out."""

_WARM_UPS = 3  # runs before a CUDA graph is captured; lazy initialisation is not capturable


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """How steps are computed; the results are the same up to rounding.

    Attributes:
        kind: "autograd" derives every step anew and needs no preparation; "replayed" records the
            first step, in seconds; "compiled" also compiles it, in up to minutes (kept on disk
            by Inductor) and needs a C++ compiler.
        device: "cpu" or "cuda"; on the latter a step is captured as one CUDA graph, so it must be
            recorded.
        segment: Inner steps whose graph is in memory at once, see `meta_gradient`; None keeps
            all. For long unrolls.
    """

    kind: Literal["autograd", "replayed", "compiled"] = "autograd"
    device: Literal["cpu", "cuda"] = "cpu"
    segment: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("autograd", "replayed", "compiled"):
            raise ConfigError(f"no engine {self.kind!r}: use 'autograd', 'replayed' or 'compiled'")
        if self.segment is not None and self.segment < 1:
            raise ConfigError(f"segment must be >= 1 or None, got {self.segment}")
        if self.device not in ("cpu", "cuda"):
            raise ConfigError(f"no device {self.device!r}: use 'cpu' or 'cuda'")
        if self.device == "cuda" and self.kind == "autograd":
            raise ConfigError("on 'cuda' steps are CUDA graphs: use kind 'replayed' or 'compiled'")
        if self.device == "cuda" and not torch.cuda.is_available():
            raise ConfigError("this PyTorch sees no CUDA device: use device 'cpu'")

    @staticmethod
    def parse(text: str) -> "Engine":
        """Return the engine of a text KIND or KIND:DEVICE, such as "replayed:cuda"."""
        kind, _, device = text.partition(":")
        return Engine(kind=kind, device=device or "cpu")  # type: ignore[arg-type]

    def prepare(self, step: Step) -> Step:
        """Return `step`, or what computes the same faster after its first call."""
        return step if self.kind == "autograd" else _Recorded(step, self)


_in_use = Engine()


def use_engine(engine: Engine) -> None:
    """Set the engine of this process, for trainers that are given none."""
    global _in_use
    _in_use = engine


def engine_in_use() -> Engine:
    """Return the engine of this process."""
    return _in_use


class _Recorded:
    """Records a function at its first call, and again for every new set of shapes."""

    def __init__(self, step: Step, engine: Engine) -> None:
        self.step, self.engine = step, engine
        self._programs: dict[Any, tuple[Program, list[list[str]]]] = {}

    def __call__(self, *groups: Params) -> tuple[Params, ...]:
        inputs = [x for group in groups for x in group.values()]
        signature = (
            tuple(tuple(group) for group in groups),
            tuple((x.shape, x.dtype) for x in inputs),
        )
        if signature not in self._programs:
            self._programs[signature] = self._record(groups, inputs)
        program, names = self._programs[signature]
        with torch.no_grad():
            outputs = iter(program(*inputs))
        return tuple({name: next(outputs) for name in group} for group in names)

    def _record(
        self, groups: tuple[Params, ...], inputs: list[Tensor]
    ) -> tuple[Program, list[list[str]]]:
        names: list[list[str]] = []

        def flat(*tensors: Tensor) -> tuple[Tensor, ...]:
            values = iter(tensors)
            outputs = self.step(*({name: next(values) for name in group} for group in groups))
            names[:] = [list(group) for group in outputs]
            return tuple(x for group in outputs for x in group.values())

        # everything is recorded on the CPU, so that only this file knows of devices
        example: list[Any] = [x.detach().cpu() for x in inputs]
        graph = record(flat, example)
        if self.engine.device == "cuda":
            graph, example = _moved(graph), [x.cuda() for x in example]
        build = _compile if self.engine.kind == "compiled" else _replay
        with torch.no_grad():
            program = build(graph, example)
        return (_captured(program, example) if self.engine.device == "cuda" else program), names


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
        for own, given in zip(inputs, tensors, strict=True):
            own.copy_(given, non_blocking=True)
        graph.replay()
        return tuple(x.clone() for x in outputs)  # the next launch overwrites the graph's own

    return launch
