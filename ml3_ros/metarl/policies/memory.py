# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Memories of policies: none, a GRU (RL squared), or causal convolutions and attention (SNAIL)."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

State = list[Tensor]
"""What a memory keeps of a trial; empty at its begin."""


class Memory(nn.Module):
    """Maps a trial's inputs, in order, to features that depend on inputs so far.

    Attributes:
        width: Features.
    """

    width: int

    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Return features (T, n, width) of inputs (T, n, k) that follow `state`, and the state."""
        raise NotImplementedError


class NoMemory(Memory):
    """Two tanh layers: features depend on the newest input alone."""

    def __init__(self, n_inputs: int, width: int = 64) -> None:
        super().__init__()
        self.width = width
        self.net = nn.Sequential(
            nn.Linear(n_inputs, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh()
        )

    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Memory`."""
        return self.net(inputs), state


class GruMemory(Memory):
    """A layer and a GRU, as in RL squared (Duan et al. 2016)."""

    def __init__(self, n_inputs: int, width: int = 64) -> None:
        super().__init__()
        self.width = width
        self.layer = nn.Sequential(nn.Linear(n_inputs, width), nn.Tanh())
        self.gru = nn.GRU(width, width)

    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Memory`."""
        features, last = self.gru(self.layer(inputs), state[0] if state else None)
        return features, [last]


class _Causal(nn.Module):
    """Gated convolution of two taps, `dilation` apart, whose output joins its input."""

    def __init__(self, n_inputs: int, filters: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.taps = nn.Linear(2 * n_inputs, 2 * filters)

    def forward(self, x: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Return (T, n, k + filters) of x (T, n, k) and of what came before, and what to keep."""
        longer = torch.cat([before, x])
        missing = self.dilation - len(before)
        earlier = longer[: max(len(longer) - self.dilation, 0)]
        if missing > 0:
            earlier = torch.cat([x.new_zeros(missing, *x.shape[1:]), earlier])
        earlier = earlier[-len(x) :]
        value, gate = self.taps(torch.cat([earlier, x], -1)).chunk(2, -1)
        out = torch.cat([x, torch.tanh(value) * torch.sigmoid(gate)], -1)
        return out, longer[-self.dilation :]


class _Attention(nn.Module):
    """Attention to all inputs so far, whose output joins its input."""

    def __init__(self, n_inputs: int, filters: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(n_inputs, filters), nn.Linear(n_inputs, filters)
        self.value = nn.Linear(n_inputs, filters)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return (T, n, k + filters) of x (T, n, k), and keys and values with those before."""
        past = len(keys)
        keys, values = torch.cat([keys, self.key(x)]), torch.cat([values, self.value(x)])
        scores = torch.einsum("tnk,snk->nts", self.query(x), keys) / math.sqrt(keys.shape[-1])
        t = torch.arange(len(x)).unsqueeze(1) + past
        later = torch.arange(len(keys)) > t
        weights = scores.masked_fill(later, -torch.inf).softmax(-1)
        return torch.cat([x, torch.einsum("nts,snv->tnv", weights, values)], -1), keys, values


class SnailMemory(Memory):
    """Dense causal convolutions and attention (Mishra et al. 2018), one block of each, twice.

    Args:
        n_inputs: Elements of an input.
        length: Inputs of a trial; convolutions together reach as far back.
        filters: Of each convolution, and values of attention.
        width: Features.
    """

    def __init__(self, n_inputs: int, length: int, filters: int = 16, width: int = 64) -> None:
        super().__init__()
        self.width, self.filters = width, filters
        self.layer = nn.Sequential(nn.Linear(n_inputs, 2 * filters), nn.Tanh())
        # two blocks of half of the dilations each, so that both attend to what they convolved
        dilations = [2**i for i in range(max(2, math.ceil(math.log2(length))))]
        half = (len(dilations) + 1) // 2
        blocks: list[_Causal | _Attention] = []
        size = 2 * filters
        for part in (dilations[:half], dilations[half:]):
            for dilation in part:
                blocks.append(_Causal(size, filters, dilation))
                size += filters
            blocks.append(_Attention(size, filters))
            size += filters
        self.blocks = nn.ModuleList(blocks)
        self.out = nn.Sequential(nn.Linear(size, width), nn.Tanh())

    def forward(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Memory`."""
        x, kept, state = self.layer(inputs), list(state), []
        for block in self.blocks:
            if isinstance(block, _Causal):
                before = kept.pop(0) if kept else x[:0]
                x, before = block(x, before)
                state.append(before)
            else:
                keys = kept.pop(0) if kept else x.new_zeros(0, x.shape[1], self.filters)
                values = kept.pop(0) if kept else keys
                x, keys, values = block(x, keys, values)
                state += [keys, values]
        return self.out(x), state


MemoryName = Literal["none", "gru", "snail"]


def memory(name: MemoryName, n_inputs: int, length: int) -> Memory:
    """Return a memory by name, for trials of `length` inputs."""
    if name == "snail":
        return SnailMemory(n_inputs, length)
    return GruMemory(n_inputs) if name == "gru" else NoMemory(n_inputs)
