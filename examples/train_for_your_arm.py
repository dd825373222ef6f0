# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Meta-train a loss for an arm from its URDF, then learn with it on an arm of that kind.

Meta-training simulates random arms of the kind (masses, payload, friction) and learns the loss
under which a network gets to know any of them quickly. The file that it leaves is all that
learning needs. The defaults here are a try of a minute or two; the settings of the losses that
ship are those of `ml3 train robot=FILE.urdf --out FILE` (see docs/losses.md).

    python examples/train_for_your_arm.py                      # the two-joint Reacher
    python examples/train_for_your_arm.py --robot my_arm.urdf --outer-steps 300 --robots 32
"""

import argparse
from pathlib import Path

import ml3_ros as ml3

RATE = 100.0  # samples per second [Hz]


def main() -> None:
    """Train, save and load a loss, and print what learning with it brings."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--robot", default="reacher", help="URDF or MJCF file, or a known name")
    parser.add_argument("--out", default="out/my_loss.safetensors")
    parser.add_argument("--outer-steps", type=int, default=100, help="updates of the loss")
    parser.add_argument("--robots", type=int, default=8, help="random arms to train on")
    parser.add_argument("--seconds", type=float, default=30.0, help="of motion to learn from [s]")
    args = parser.parse_args()
    out = Path(args.out).expanduser()

    out.parent.mkdir(parents=True, exist_ok=True)
    recipe = ml3.Recipe(n_outer_steps=args.outer_steps)  # shaped: the task loss sees M(q), F(q, v)
    ml3.train_loss(ml3.TrainConfig(robot=args.robot, recipe=recipe, n_robots=args.robots), out)

    loss = ml3.LearnedLoss.load(out)
    units = ml3.Units.from_dict(loss.provenance["units"])
    net = recipe.optimizee(units, loss.provenance["robot"])
    same_step = loss.spec.inner_lr
    methods = {
        "ml3_mine": loss,
        "adam": ml3.squared_error(units, net.target, "adam", same_step),
    }
    learner = ml3.OnlineLearner(net, methods, ml3.OnlineConfig(), seed=0)

    # An arm that the loss has not met: other masses, other friction, other motion.
    arm = ml3.SimulationConfig(
        robot=args.robot, mass_share=0.2, friction=(0.5, 1.5), support_seconds=args.seconds
    )
    stream = ml3.simulate(arm, n_tasks=1, seed=1234)
    learner.take_snapshot()  # the random networks
    for k in range(stream.n_samples):
        q, v, a, tau = stream.q[0, k], stream.v[0, k], stream.a[0, k], stream.tau[0, k]
        learner.push(k / RATE, q, v, a, tau)
        if k < stream.n_support:  # later samples are held out: kept, and not learned from
            learner.learn()
    learner.take_snapshot()

    print(f"loss for {', '.join(units.joint_names)}, kept in {out}")
    print("torque error on held-out motion (NMSE, mean over joints; 1 = predicts the mean)")
    for method, nmse in learner.evaluate(stream.n_support).items():
        print(f"  {method:<9} before {nmse[0].mean():.3f}   after {nmse[-1].mean():.3f}")


if __name__ == "__main__":
    main()
