# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""`ml3 distill LOSS [--out FILE] [key=value ...]`: a learned loss as a formula to be read."""

from __future__ import annotations

import argparse

from ml3_ros.cli.overrides import path_option, with_overrides
from ml3_ros.cli.subparsers import Subparsers
from ml3_ros.core.distill import DistillConfig, Distilled, distill
from ml3_ros.core.losses.formulas.terms import AGE
from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.zoo import shipped


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "distill",
        help="find a formula that weighs errors as a learned loss does",
        description="Find a formula of few terms for the weights that a learned loss gives errors "
        "(architecture 'structured'). It can be used as a loss itself, and is as safe to load.",
        epilog="example: ml3 distill reacher_ml3_shaped --out formula.safetensors terms=8",
    )
    parser.add_argument("loss", metavar="LOSS", help="file of a loss, or name of a shipped one")
    parser.add_argument(
        "--out", type=path_option, metavar="FILE", help="write the formula as a loss"
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="a setting: a field of DistillConfig"
    )


def run(args: argparse.Namespace) -> int:
    """Distill and print; return the exit code.

    Raises:
        ConfigError: The loss has no formula of this kind.
        LossFileError: It cannot be read.
    """
    config = with_overrides(DistillConfig(), args.overrides)
    found = distill(LearnedLoss.load(shipped().get(args.loss, args.loss)), config)
    print(formula_text(found))
    if args.out is not None:
        print(found.loss.save(args.out))
    return 0


def formula_text(found: Distilled) -> str:
    """Return the formula and its error in words, for a terminal."""
    spec, scales = found.loss.spec, found.loss.phi["log_scale"].clamp_min(0.0).exp()
    inputs = [
        f"{x.name} in units of {', '.join(f'{s:.3g}' for s in x.scale)} {x.unit}".rstrip()
        for x in spec.context
    ]
    if any(AGE in term for term in spec.options["terms"]):
        inputs.append(f"{AGE} = log(1 + steps), steps up to {spec.options['oldest']:g}")
    bounds = ", ".join(f"{s:.3g}" for s in scales.tolist())
    bounded = f"log w is bounded by {spec.options['bound']:g} (tanh)"
    if spec.options["normalised"]:
        bounded += "; over a batch its mean is taken off before"
    return "\n".join(
        [
            "L = mean of sum w_j 2 s_j² (√(1 + (e_j / s_j)²) - 1), s = " + bounds,
            *found.lines,
            bounded,
            "with " + "; ".join(inputs),
            f"explains {found.explained:.1%} of the variance of log w; what is left has an RMS of "
            f"{found.rms:.3g}",
        ]
    )
