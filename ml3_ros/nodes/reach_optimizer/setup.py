"""What reach_optimizer needs before an episode: parameters, the loss, the plan of the run."""

from __future__ import annotations

from rclpy.parameter import Parameter

from ml3_ros.core.losses.learned_loss import LearnedLoss
from ml3_ros.errors import ConfigError
from ml3_ros.learners.reaching.arm_task import ArmTask, task_of
from ml3_ros.learners.reaching.policy_learner import LossLearner, PolicyLearner, RandomSearch
from ml3_ros.learners.reaching.run import ReachRun
from ml3_ros.nodes.kit.parameters import Param, ParameterTable
from ml3_ros.zoo import shipped, shipped_loss

LEARNED, BASELINE = "ml3_reach", "random_search"

PARAMETERS = (
    Param(name="robot", default="sawyer", help="name of the arm; chooses the shipped loss"),
    Param(name="joints", default=Parameter.Type.STRING_ARRAY, help="joint names in the order of "
          "all arrays; unset: those of the loss"),
    Param(name="loss_file", default="", help="file of the learned loss for reaching; empty: "
          "ROBOT_ml3_reach, which comes with the package"),
    Param(name="goals", default=0, help="goals after which the node ends; 0: never [-]",
          limits=(0, 1000)),
    Param(name="updates", default=15, help="updates of each policy, one an episode; one more "
          "episode tests it [-]", limits=(1, 10_000)),
    Param(name="baseline", default=False, help="also reach every goal by random search, with as "
          "many episodes"),
    Param(name="torque_share", default=1.0, help="share of the loss's torque limits that may be "
          "commanded [-]", limits=(0.05, 1.0)),
    Param(name="settle_time", default=0.1, help="time of the arm from its reset to an episode "
          "[s]", limits=(0.0, 60.0)),
    Param(name="rest_velocity", default=0.05, help="an episode begins when no joint is faster "
          "[rad/s]", limits=(1e-4, 10.0)),
    Param(name="start_tolerance", default=0.05, help="an episode begins no further outside the "
          "loss's range of starts [rad]", limits=(1e-3, 1.0)),
    Param(name="hand_pose_tolerance", default=0.005, help="largest difference between the stamps "
          "of a joint state and its hand pose [s]", limits=(0.0, 0.1)),
    Param(name="largest_gap", default=0.05, help="between joint states of an episode; after a "
          "longer one it is broken off [s]", limits=(1e-3, 1.0)),
    Param(name="state_timeout", default=1.0, help="an episode is broken off after so long without "
          "a joint state and its hand pose [s]", limits=(0.01, 60.0)),
    Param(name="reset_timeout", default=30.0, help="within this the arm is at rest where episodes "
          "start [s]", limits=(0.1, 600.0)),
    Param(name="retries", default=3, help="episodes in a row that may be broken off [-]",
          limits=(0, 100)),
    Param(name="seed", default=0, help="seed of the initial policies", limits=(0, 2**31 - 1)),
    Param(name="out", default="out/reach_optimizer", help="folder of the results"),
)  # fmt: skip


def load_task(p: ParameterTable) -> tuple[LearnedLoss, ArmTask]:
    """Return the loss that the parameters name, and the task that it was trained for.

    Raises:
        LossFileError: The file is missing, damaged, or of something else than reaching.
        ConfigError: The parameters name other joints.
    """
    name = p["loss_file"]
    loss = LearnedLoss.load(shipped().get(name, name)) if name else _shipped(p["robot"])
    task = task_of(loss)
    if p["joints"] and p["joints"] != task.joints:
        raise ConfigError(
            f"the loss for reaching was trained for the joints {list(task.joints)}, but `joints` "
            f"is {list(p['joints'])}: use a loss of this robot"
        )
    return loss, task


def make_run(task: ArmTask, loss: LearnedLoss, p: ParameterTable) -> ReachRun:
    """Return a fresh plan with the methods that are asked for."""
    learners: dict[str, PolicyLearner] = {LEARNED: LossLearner(task, loss, LEARNED)}
    if p["baseline"]:
        learners[BASELINE] = RandomSearch(task)
    return ReachRun(task, learners, updates=p["updates"], n_goals=p["goals"], seed=p["seed"])


def _shipped(robot: str) -> LearnedLoss:
    return shipped_loss(f"{robot}_{LEARNED}")
