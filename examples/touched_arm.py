# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Fit an arm that people touch, under a loss that learned which samples to believe.

Meta-training simulates random arms of the kind and what touches them. Only its task loss sees the
torque without contacts; the loss that it leaves sees residuals alone, and weighs them. It then
fits other simulated arms, beside least squares.

    python examples/touched_arm.py  # half a minute
    python examples/touched_arm.py --kind leading --outer-steps 100 --arms 16
"""

import argparse

import torch

import ml3_ros as ml3
from ml3_ros.tasks.touched.recipes import units_of


def main() -> None:
    """Train a loss, fit an arm with it, and print what that brings."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--robot", default="sawyer", help="URDF or MJCF file, or a known name")
    parser.add_argument("--kind", default="pushing", help="pushing, lifting, leading, tool ...")
    parser.add_argument("--outer-steps", type=int, default=40, help="updates of the loss")
    parser.add_argument("--arms", type=int, default=8, help="random arms to train on")
    args = parser.parse_args()

    contacts = ml3.ContactConfig(kind=args.kind)
    population = ml3.TouchedConfig(robot=args.robot, contacts=contacts)
    description = ml3.load_robot(args.robot)
    arm = ml3.LinearArm(ml3.PinocchioModel(description))
    model = ml3.LinearModel(description.nv, tuple(arm.kinds.tolist()))
    recipe = ml3.TouchedRecipe(n_outer_steps=args.outer_steps, n_tasks=4)

    def family(arms: ml3.TouchedArms) -> ml3.TouchedFamily:
        return ml3.TouchedFamily(model, arms, ml3.Before.described(arms), recipe.sampling())

    training = ml3.simulate_touched(population, args.arms, seed=1)
    units = units_of(training, ml3.Before.described(training), description.names)
    trainer = recipe.trainer(family(training), units, seeds=(0,))
    fresh = trainer.seed_phi(0)  # at the start the loss is the squared error
    while not trainer.done:
        trainer.step()

    # arms that the loss has not met
    tested = family(ml3.simulate_touched(population, 4, seed=2))
    print("error of the arm's own torque on other motion (NMSE, geometric mean over 4 arms)")
    for name, phi in (("least_squares", fresh), ("learned", trainer.seed_phi(0))):
        print(f"  {name:<14} {fitted_error(tested, trainer.spec, phi):.4f}")


def fitted_error(
    family: ml3.TouchedFamily, spec: ml3.LossSpec, phi: dict[str, torch.Tensor]
) -> float:
    """Fit all arms of a family and return their error."""
    tasks = torch.arange(len(family.arms))
    batch = family.support(tasks, torch.zeros_like(tasks), torch.Generator())
    model = family.optimizee
    fitted = ml3.reweighted_fit(spec, phi, model, batch, lead=(len(tasks),))
    error = family.held_out_error({"coefficients": fitted})
    return float(error.mean(-1).log().mean().exp())


if __name__ == "__main__":
    main()
