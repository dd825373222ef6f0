# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Find out from a recording what an arm's model misses: friction, gains, what is left to learn.

Without arguments a Reacher that is heavier than its description, and has friction, is simulated
and recorded as a rosbag2 first, so that there is something to find. With `--bag` and `--urdf` it
is your arm. `ml3 identify` does the same from the command line (docs/identify.md).

    python examples/identify_recording.py
    python examples/identify_recording.py --bag my_bag --urdf my_arm.urdf --out out/my_arm
"""

import argparse
from pathlib import Path

import numpy as np

import ml3_ros as ml3


def record(folder: Path, seconds: float) -> None:
    """Write a bag of a simulated Reacher whose masses and friction are not as described."""
    arm = ml3.SimulationConfig(
        robot="reacher", mass_share=0.2, friction=(0.5, 1.5), support_seconds=seconds
    )
    motion = ml3.simulate(arm, n_tasks=1, seed=3)
    q, v, tau = (x[0].double().numpy() for x in (motion.q, motion.v, motion.tau))
    recording = ml3.JointRecording(
        names=ml3.load_robot("reacher").names,
        t=np.arange(len(q)) / arm.rate,
        q=q,
        v=v,
        tau=tau,
        start_ns=1_700_000_000_000_000_000,
        topic="/joint_states",
    )
    ml3.write_joint_states(folder, recording)


def main() -> None:
    """Identify the arm and print the held-out error of every model."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--bag", help="rosbag2 with joint states; without it one is recorded")
    parser.add_argument("--urdf", default="reacher", help="the arm: a file, or a known name")
    parser.add_argument("--out", default="out/identify_recording")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the simulated bag")
    parser.add_argument("--seeds", type=int, default=2, help="networks of each kind")
    args = parser.parse_args()
    out = Path(args.out).expanduser()

    bag = args.bag
    if bag is None:
        bag = str(out / "bag")
        if not Path(bag).exists():
            out.mkdir(parents=True, exist_ok=True)
            record(Path(bag), args.seconds)

    networks = ml3.NetworkConfig(seeds=args.seeds, marks=(50, 200))
    config = ml3.IdentifyConfig(bag=bag, urdf=args.urdf, networks=networks)
    model = ml3.load_arm(config.urdf)
    recording = ml3.read_recording(config, model.names)
    print(f"{bag}: {len(recording.t)} samples of {', '.join(recording.names)}\n")
    result = ml3.identify(config, recording, model)

    print("\nheld-out torque error (NMSE, mean over joints)")
    for method in result.predicted:
        print(f"  {method:<16} {result.mean(method):.4f}")
    print("\nfriction that was found: gain, viscous [N m s/rad], Coulomb [N m], offset [N m]")
    for joint, row in zip(recording.names, result.coefficients, strict=True):
        print(f"  {joint:<16} {'  '.join(f'{x:7.3f}' for x in row)}")
    for verdict in result.verdicts:
        print(f"{verdict.joint}: {verdict.sentence}")
    for path in ml3.save_identification(result, out):
        print(path)


if __name__ == "__main__":
    main()
