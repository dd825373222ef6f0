"""A real Sawyer behind the topics of `sim_arm`: joint states out, full joint torques in."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Empty, Float64, String, UInt16
from std_srvs.srv import SetBool, Trigger

from ml3_ros.bridges import sawyer_client_messages as convert
from ml3_ros.bridges import sawyer_interface as sawyer
from ml3_ros.bridges.messages import (
    NANO,
    PartialMessageError,
    effort_from_msg,
    nanoseconds,
    sample_to_msg,
)
from ml3_ros.bridges.poses import pose_of, pose_to_msg
from ml3_ros.bridges.sawyer_driving import SawyerDriving, Send
from ml3_ros.errors import ConfigError, RobotError
from ml3_ros.nodes.base import LATCHED_1, RELIABLE_1, RELIABLE_100, SENSOR_1, Ml3Node
from ml3_ros.nodes.process import run
from ml3_ros.nodes.safety_parameters import safety_config, tell_violations
from ml3_ros.nodes.sawyer_parameters import PARAMETERS, SUPPRESSED, driving_config
from ml3_ros.robots.calibration import joint_origins, largest_difference
from ml3_ros.robots.pinocchio_model import PinocchioModel
from ml3_ros.robots.registry import load_robot
from ml3_ros.robots.safety import SafetyStage
from ml3_ros.robots.sawyer_urdf import nominal_urdf

ASK_S = 5.0  # the robot follows a request within this, or the request has failed
ASK_EVERY_S = 0.05
SUPPRESS_EVERY_S = sawyer.SUPPRESS_WINDOW_S / 4
REMIND_EVERY_S = 1.0  # rates and timeouts are told again: a bridge may have lost them
EXIT_REPEATS, EXIT_EVERY_S = 100, 0.002


class SawyerDriver(Ml3Node):
    """Converts and forwards; when what may be sent is decided by `SawyerDriving`.

    Nothing moves before an operator calls `~/enable`. `~/stop` works in every state of the node.
    """

    PARAMETERS = PARAMETERS

    def __init__(self, name: str, **node_arguments: Any) -> None:
        """Offer the stop, which needs no configuration."""
        super().__init__(name, **node_arguments)
        self._stop = self.create_publisher(Empty, sawyer.SUPER_STOP, RELIABLE_1)
        self.create_service(Trigger, "~/stop", self._on_stop)
        self._stop_until = 0.0
        self.create_timer(ASK_EVERY_S, self._repeat_stop)

    def load(self) -> None:
        """Find the robot's messages and connect."""
        p = self.parameters
        self._messages = sawyer.message_types(p["message_package"])
        description = load_robot(p["robot"])
        self._names, self._limits = description.names, description.limits
        self._model = PinocchioModel(description)
        self._origins = joint_origins(nominal_urdf(description))
        safety = SafetyStage(self._model, safety_config(p.values()), rate=p["rate"])
        home = np.array(p["home"] or description.home)
        self._driving = SawyerDriving(self._model, safety, home, driving_config(p.values()))
        self._asks: list[tuple] = []
        self._known = False  # the robot has told limits, and they are the model's
        self._calibration = "not told yet"
        self._talk()
        self._listen()
        self.serve(SetBool, "~/enable", self._on_enable)
        self.serve(Trigger, "~/reset", self._on_reset)
        self.serve(Trigger, "reset_arm", self._on_home)
        self.every(1.0 / p["rate"], self._on_time)
        self.every(ASK_EVERY_S, self._ask_again)
        self.every(SUPPRESS_EVERY_S, self._suppress)
        self.every(REMIND_EVERY_S, self._remind)

    def start(self) -> None:
        """Tell the robot rate and timeout; read its state. No motion."""
        self._cycled, self._missed, self._due = time.monotonic(), 0, 0
        self._told_state = ""
        self._remind()

    def stop(self) -> None:
        """Leave the arm in position hold, with the rates that it had before."""
        hold = self._driving.leave()
        for _ in range(EXIT_REPEATS):
            self._timeout.publish(Float64(data=sawyer.DEFAULT_COMMAND_TIMEOUT_S))
            self._state_rate.publish(UInt16(data=sawyer.DEFAULT_STATE_RATE_HZ))
            if hold is not None:
                self._say(Send(position=hold))
            time.sleep(EXIT_EVERY_S)
        self._driving.disarm()

    def told(self) -> dict[str, object]:
        """Tell what the driver does, and how old what it knows is."""
        if not self.active:
            return {}
        now, driving = time.monotonic(), self._driving
        return {
            "driver": driving.state.value,
            "reason": driving.reason,
            "enabled by an operator": driving.armed,
            "command age [s]": driving.command_age,
            "state age [s]": driving.state_age(now),
            "gravity from": driving.added_by_robot(now)[1],
            "limits checked": self._known,
            "calibrated origins": self._calibration,
            "missed cycles": self._missed,
        }

    # connections -------------------------------------------------------------------------------
    def _talk(self) -> None:
        self._states = self.publisher(JointState, "joint_states", RELIABLE_100)
        self._poses = self.publisher(PoseStamped, "hand_pose", RELIABLE_100)
        self._state = self.publisher(String, "~/state", LATCHED_1)
        self._commands = self.publisher(
            self._messages.JointCommand, sawyer.JOINT_COMMAND, RELIABLE_1
        )
        self._timeout = self.publisher(Float64, sawyer.COMMAND_TIMEOUT, RELIABLE_1)
        self._speed = self.publisher(Float64, sawyer.SPEED_RATIO, RELIABLE_1)
        self._state_rate = self.publisher(UInt16, sawyer.STATE_RATE, RELIABLE_1)
        self._enable = self.publisher(Bool, sawyer.SUPER_ENABLE, RELIABLE_1)
        self._reset = self.publisher(Empty, sawyer.SUPER_RESET, RELIABLE_1)
        self._suppressors = [
            self.publisher(Empty, topic, RELIABLE_1)
            for name, topic in SUPPRESSED.items()
            if self.parameters[name]
        ]

    def _listen(self) -> None:
        m, driving = self._messages, self._driving
        field = self.parameters["gravity_field"]

        def on_gravity(msg: Any) -> None:
            tau = convert.gravity_from_msg(msg, self._names, field)
            if tau is not None:
                driving.hear_gravity(tau, time.monotonic())

        def on_robot(msg: Any) -> None:
            driving.hear_robot(convert.view_from_msg(msg), time.monotonic())

        def on_collision(msg: Any) -> None:
            driving.collision = bool(msg.collision_state)

        def on_cuff(msg: Any) -> None:
            driving.cuff = convert.cuff_from_msg(msg)

        self.subscribe(JointState, sawyer.JOINT_STATES, self._on_joints, SENSOR_1)
        self.subscribe(m.SEAJointState, sawyer.GRAVITY_TORQUES, on_gravity, SENSOR_1)
        self.subscribe(m.RobotAssemblyState, sawyer.ROBOT_STATE, on_robot, SENSOR_1)
        self.subscribe(m.CollisionDetectionState, sawyer.COLLISION_STATE, on_collision, SENSOR_1)
        self.subscribe(m.IODeviceStatus, sawyer.CUFF_STATE, on_cuff, SENSOR_1)
        # a bridge tells them once or again and again, and is heard either way
        for qos in (LATCHED_1, RELIABLE_1):
            self.subscribe(m.JointLimits, sawyer.JOINT_LIMITS, self._on_limits, qos)
            self.subscribe(String, sawyer.ROBOT_DESCRIPTION, self._on_description, qos)
        self.subscribe(JointState, "joint_command", self._on_command, RELIABLE_1)

    def _on_joints(self, msg: JointState) -> None:
        try:
            sample = convert.joints_from_msg(
                msg, self._names, self.parameters["velocity_dead_band"]
            )
        except PartialMessageError:
            self.diagnostics.counts["messages of other joints"] += 1  # such as a gripper's
            return
        self._driving.hear_joints(sample.stamp, sample.q, sample.v, time.monotonic())
        self.diagnostics.tick("robot/joint_states")
        if sample.stamp < self._due:
            return
        step = round(NANO / self.parameters["publish_rate"])
        self._due = max(self._due + step, sample.stamp)
        pose = pose_of(self._model.forward_kinematics(sample.q))
        self._poses.publish(pose_to_msg(pose, sample.stamp))
        self._states.publish(sample_to_msg(sample, self._names))
        self.diagnostics.tick("joint_states")

    def _on_command(self, msg: JointState) -> None:
        tau = effort_from_msg(msg, self._names)
        self._driving.hear_command(nanoseconds(msg.header.stamp), tau, time.monotonic())
        self.diagnostics.tick("joint_command")

    def _on_limits(self, msg: Any) -> None:
        self._known = False
        convert.check_limits(msg, self._names, self._limits)
        self._known = True

    def _on_description(self, msg: String) -> None:
        origins = joint_origins(msg.data)
        missing = [name for name in self._names if name not in origins]
        if missing:
            raise RobotError(
                f"the robot's description has no {', '.join(missing)}: it is of another robot"
            )
        arm = {name: origins[name] for name in self._names}
        distance, angle = largest_difference(arm, self._origins)
        self._calibration = f"within {1e3 * distance:.2f} mm and {angle:.4f} rad of the model's"
        p = self.parameters
        if distance > p["calibration_distance"] or angle > p["calibration_angle"]:
            self.get_logger().warning(
                f"the robot's origins are {self._calibration}: give its own URDF as `robot`"
            )

    # services ----------------------------------------------------------------------------------
    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._refuse_if_inactive()
        if request.data:
            if not self._known:
                raise ConfigError(
                    "the robot has not told its joint_limits, or they are not the model's: check "
                    "the bridge and the parameter `robot`"
                )
            self._driving.arm()
        else:
            self._driving.disarm()
        asked = Bool(data=request.data)
        self._ask(
            "enable" if request.data else "disable",
            lambda: self._enable.publish(asked),
            lambda: self._driving.view.enabled == request.data,
        )
        response.success, response.message = True, f"asked; {self._state.topic_name} tells"
        return response

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._refuse_if_inactive()
        driving = self._driving
        if driving.view.estop_button == sawyer.EstopButton.PRESSED or driving.view.fault() is None:
            driving.reset()  # which refuses a button that is pressed
        else:
            self._ask(
                "reset",
                lambda: self._reset.publish(Empty()),
                lambda: driving.view.fault() is None,
                driving.reset,
            )
        response.success, response.message = True, f"asked; {self._state.topic_name} tells"
        return response

    def _on_home(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Answer yes once the arm is at home; the first call sends it there."""
        self._refuse_if_inactive()
        driving = self._driving
        response.success = driving.resting_at_home()
        if not response.success:
            if not driving.homing:
                driving.go_home(time.monotonic())
            response.message = "the arm is on its way home: call again"
        return response

    def _on_stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._stop_until = time.monotonic() + ASK_S
        self._repeat_stop()
        response.success = True
        return response

    def _repeat_stop(self) -> None:
        """Repeat the stop until the robot tells that it has stopped."""
        if time.monotonic() < self._stop_until:
            self._stop.publish(Empty())
            if self.active and self._driving.view.stopped:
                self._stop_until = 0.0

    def _refuse_if_inactive(self) -> None:
        if not self.active:
            raise ConfigError("the driver is not active: activate it first")

    def _ask(
        self,
        what: str,
        say: Callable[[], None],
        done: Callable[[], bool],
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """Say something again and again until the robot has done it."""
        self._asks = [*self._asks, (what, say, done, then, time.monotonic() + ASK_S)]
        self._ask_again()

    def _ask_again(self) -> None:
        asks, self._asks = self._asks, []
        for what, say, done, then, until in asks:
            if done():
                then()
            elif time.monotonic() < until:
                say()
                self._asks.append((what, say, done, then, until))
            else:
                self._driving.disarm()
                self.get_logger().error(
                    f"the robot did not {what} within {ASK_S:g} s: look at its lights and cables"
                )

    # time --------------------------------------------------------------------------------------
    def _on_time(self) -> None:
        now = time.monotonic()
        late = round((now - self._cycled) * self.parameters["rate"]) - 1
        self._missed += max(late, 0)
        self._cycled = now
        before = self._driving.last
        send = self._driving.cycle(now)
        if send is not None:
            self._say(send)
        if self._driving.last is not before and self._driving.last is not None:
            tell_violations(self, self._driving.last)
        self._tell_state()

    def _say(self, send: Send) -> None:
        stamp = self.get_clock().now().to_msg()
        self._commands.publish(convert.command_msg(send, self._names, stamp, self._messages))
        self.diagnostics.tick("robot/joint_command")

    def _tell_state(self) -> None:
        state = self._driving.state.value
        if state == self._told_state:
            return
        self._told_state = state
        self._state.publish(String(data=state))
        reason = f": {self._driving.reason}" if self._driving.reason else ""
        self.get_logger().info(f"{state}{reason}")

    def _remind(self) -> None:
        p = self.parameters
        self._state_rate.publish(UInt16(data=p["state_rate"]))
        self._timeout.publish(Float64(data=p["robot_timeout"]))
        self._speed.publish(Float64(data=p["speed_ratio"]))

    def _suppress(self) -> None:
        if self._driving.armed:
            for publisher in self._suppressors:
                publisher.publish(Empty())


def main() -> int:
    """Run the node."""
    return run(lambda: SawyerDriver("sawyer_driver"))


if __name__ == "__main__":
    sys.exit(main())
