"""The system in which a policy learns to reach goals with an arm, as data."""

from __future__ import annotations

from ml3_ros.bringup.description import Arg, Argument, Process, System

REACHER_REACH = System(
    name="reacher_reach",
    help="policies learn to reach goals with an arm, from random to done in a few episodes",
    arguments=(
        Argument(name="goals", default=4, help="new goals, one policy for each", limits=(1, 1000)),
        Argument(
            name="updates",
            default=10,
            help="episodes from which a policy learns; one more tests it",
            limits=(1, 1000),
        ),
        Argument(
            name="baseline",
            default=False,
            help="also reach the goals by random search, with as many episodes",
        ),
        Argument(name="loss", default="", help="file of the learned loss; empty: the shipped one"),
        Argument(
            name="speed",
            default=1.0,
            help="robot seconds per second: 1 is real time [-]",
            limits=(0.05, 20.0),
        ),
        Argument(
            name="seed",
            default=0,
            help="seed of the goals, of the simulated arm and of the policies",
            limits=(0, 2**31 - 1),
        ),
        Argument(name="out", default="out/reacher_reach", help="folder of the results"),
    ),
    processes=(
        Process(
            name="sim_arm",
            executable="sim_arm",
            parameters={
                "robot": "reacher",
                "home": [-0.6, 1.2],  # the fingertip is on the x axis
                "home_spread": 0.1,
                "viscous": [0.002],
                "real_time_factor": Arg("speed"),
                "seed": Arg("seed"),
            },
        ),
        Process(
            name="policy_optimizer",
            executable="policy_optimizer",
            parameters={
                "mode": "policy",
                "robot": "reacher",
                "reach_loss": Arg("loss"),
                "goals": Arg("goals"),
                "updates": Arg("updates"),
                "baseline": Arg("baseline"),
                "seed": Arg("seed"),
                "out": Arg("out"),
            },
        ),
        Process(
            name="conductor",
            executable="conductor",
            parameters={
                "sources": ["sim_arm"],
                "loss": "none",
                "goals": Arg("goals"),
                "seed": Arg("seed"),
            },
        ),
    ),
)
