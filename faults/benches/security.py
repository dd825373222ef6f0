# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""DDS security: policies of least privilege, and nodes that are started with security on."""

from __future__ import annotations

from pathlib import Path

from sensor_msgs.msg import JointState

from faults.rig.processes import node
from faults.rig.result import Finding, Row
from faults.rig.rig import Rig
from faults.rig.waiting import until
from faults.security.graph import graph_use
from faults.security.policies import POLICIES, Use, read_policies
from ml3_ros.bringup.node_arguments import ENCLAVES
from ml3_ros.bringup.paths import share

COMMANDING = ("excitation", "reach_optimizer", "tracking_controller")
START_S = 15.0  # within this a node has started, or has ended
# What a keystore has for an enclave; here without content: a middleware without the plugins has
# to give up before it reads them.
ENCLAVE_FILES = (
    "identity_ca.cert.pem",
    "permissions_ca.cert.pem",
    "cert.pem",
    "key.pem",
    "governance.p7s",
    "permissions.p7s",
)


def bench(folder: Path, quick: bool) -> Finding:
    """Compare the policies with the graph, and start nodes with security on."""
    return Finding(
        title="DDS security",
        method=(
            "The systems `sawyer_invdyn` (simulated with loss:=train and record:=true, and "
            "robot:=sawyer against the emulated robot, with an operator), `replay`, "
            "`sawyer_touch`, `sawyer_work`, `sawyer_track` and `reacher_reach` "
            "(robot:=sawyer_sim and robot:=sawyer) run; then `sawyer_invdyn`, `sawyer_track` and "
            "`arm_motion` (robot:=ros2_control_emulated, and robot:=ros2_control against the "
            "emulated robot, by its topic and by its action), and `observe`. What each "
            "node uses is read from the ROS graph meanwhile and compared "
            f"with {' and '.join(f'`{path}`' for path in POLICIES)}. "
            "Then a node is started with security on (ROS_SECURITY_ENABLE), with a keystore whose "
            "files have no content. The Fast DDS of the Python wheels comes without security "
            "plugins: what is tested of them is that no node runs unprotected by mistake. **Not "
            "tested**: that enclaves authenticate each other, and keep others from reading and "
            "commanding, which needs a ROS 2 whose middleware has the plugins."
        ),
        rows=[*_policy_rows(folder), *_enforcement_rows(folder)],
    )


def _policy_rows(folder: Path) -> list[Row]:
    used = graph_use(folder)
    return [row for path in POLICIES for row in _compared(path, used[path])]


def _compared(path: Path, used: dict[str, Use]) -> list[Row]:
    allowed = read_policies(share() / path)
    missing = [
        f"{name}: {text}"
        for name in used
        for text in (used[name].minus(allowed[name]) if name in allowed else ["no enclave"])
    ]
    idle = [
        f"{name}: {text}"
        for name in allowed
        for text in (allowed[name].minus(used[name]) if name in used else ["never ran"])
    ]
    rules = sum(policy.size() for policy in allowed.values())
    commands = sorted(n for n, policy in allowed.items() if "/joint_command" in policy.publish)
    file = path.stem
    return [
        Row(f"{file}: enclaves, one for each node", f"{len(allowed)}, with {rules} permissions"),
        Row(f"{file}: used, but not allowed", _listed(missing), "nothing", not missing),
        Row(f"{file}: allowed, but never used", _listed(idle), "nothing", not idle),
        Row(
            f"{file}: who may publish joint_command",
            ", ".join(commands),
            "what commands an arm, of which one runs at a time",
            commands == [name for name in COMMANDING if name in allowed],
        ),
    ]


def _enforcement_rows(folder: Path) -> list[Row]:
    keystore = folder / "keystore"
    enclave = keystore / "enclaves" / ENCLAVES.strip("/") / "sim_arm"
    enclave.mkdir(parents=True)
    for name in ENCLAVE_FILES:
        (enclave / name).touch()
    return [
        _start(folder, keystore, "Enforce", "with an enclave"),
        _start(folder, folder / "nothing", "Enforce", "without a keystore"),
        _start(folder, folder / "nothing", "Permissive", "without a keystore"),
    ]


def _start(folder: Path, keystore: Path, strategy: str, what: str) -> Row:
    """Start a node with security on, and see whether it publishes without protection."""
    environ = {
        "ROS_SECURITY_ENABLE": "true",
        "ROS_SECURITY_STRATEGY": strategy,
        "ROS_SECURITY_KEYSTORE": str(keystore),
    }
    with Rig(folder, environ=environ) as rig:
        states = rig.bench.record(JointState, "joint_states")
        sim_arm = rig.processes.start(node("sim_arm"))
        until(lambda: not sim_arm.alive or len(states), START_S)
        unprotected = len(states) > 0
        if unprotected:
            measured = "publishes unprotected"
        elif sim_arm.alive:
            measured = f"neither ends nor publishes within {START_S:g} s"
        else:
            measured = f"does not start (rc {sim_arm.exit_code})"
    if strategy != "Enforce":
        return Row(f"a node started with {strategy}, {what}", measured)
    return Row(
        f"a node started with {strategy}, {what}",
        measured,
        "nothing unprotected",
        not unprotected,
    )


def _listed(texts: list[str]) -> str:
    return "; ".join(texts) or "nothing"
