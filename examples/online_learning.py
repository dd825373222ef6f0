# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Learn an arm's inverse dynamics while it moves, under learned losses and under Adam.

A simulated Sawyer with unknown payload, masses and friction streams joint states at 100 Hz. One
network for each method sees the same samples in the same order; nothing here is given a model of
the arm. Then the networks predict the torques of motions that they have not seen. Samples of a
real arm look the same: `ml3.AccelerationFilter` makes them from its joint states. No ROS is
needed. This is one arm; docs/results.md has the numbers over many.

    python examples/online_learning.py                # 60 s of motion, half a minute to run
    python examples/online_learning.py --seconds 10   # a short try
"""

import argparse
import time

import ml3_ros as ml3

ADAM_STEP = 0.003  # tuned on other simulated Sawyers, as in config/policy_optimizer.yaml
RATE = 100.0  # samples per second [Hz]


def main() -> None:
    """Learn from the stream and print the error of each method before and after."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="of motion to learn from [s]")
    parser.add_argument("--seed", type=int, default=7, help="of the arm's payload and motion")
    args = parser.parse_args()

    adaptive = ml3.shipped_loss("sawyer_ml3_adaptive")
    units = ml3.Units.from_dict(adaptive.provenance["units"])
    net = ml3.InverseDynamicsNet(units)
    methods = {
        "ml3_adaptive": adaptive,
        "ml3_prior": ml3.shipped_loss("sawyer_ml3_prior"),
        "adam_tuned": ml3.squared_error(units, net.target, "adam", ADAM_STEP),
    }
    sampling = ml3.SamplingConfig(steps_per_window=4)  # gradient steps for every 8 samples
    learner = ml3.OnlineLearner(net, methods, ml3.OnlineConfig(sampling=sampling), seed=0)

    arm = ml3.SimulationConfig(
        robot="sawyer",
        payload=(1.0, 3.0),
        mass_share=0.2,
        friction=(0.5, 1.5),
        torque_noise_share=0.01,
        support_seconds=args.seconds,
    )
    stream = ml3.simulate(arm, n_tasks=1, seed=args.seed)

    learner.take_snapshot()  # the random networks
    start = time.perf_counter()
    for k in range(stream.n_samples):
        q, v, a, tau = stream.q[0, k], stream.v[0, k], stream.a[0, k], stream.tau[0, k]
        learner.push(k / RATE, q, v, a, tau)
        if k < stream.n_support:  # later samples are held out: kept, and not learned from
            learner.learn()
    learner.take_snapshot()
    taken = time.perf_counter() - start

    print(f"{learner.n_steps} gradient steps for each of {len(methods)} networks: {taken:.0f} s")
    print("torque error on held-out motion (NMSE, mean over joints; 1 = predicts the mean)")
    for method, nmse in learner.evaluate(stream.n_support).items():
        print(f"  {method:<12} before {nmse[0].mean():.3f}   after {nmse[-1].mean():.3f}")


if __name__ == "__main__":
    main()
