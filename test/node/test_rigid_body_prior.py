# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""rigid_body_prior publishes the model's inertia at the stamped state."""

from __future__ import annotations

import numpy as np
from sensor_msgs.msg import JointState

from ml3_msgs.msg import InertiaPrior
from ml3_ros.nodes.kit.qos import RELIABLE_100
from ml3_ros.nodes.messages.joint_states import NANO
from ml3_ros.nodes.messages.ml3 import prior_from_msg
from ml3_ros.nodes.rigid_body_prior import RigidBodyPrior
from ml3_ros.robots.pinocchio_model import PinocchioModel
from test.node.sim_arm.bench import (
    NAMES,
    REACHER,
    up,
)


def test_the_prior_is_the_models_at_the_stamped_state(graph):
    up(graph.add(RigidBodyPrior, "rigid_body_prior", robot="reacher"))
    probe = graph.plain()
    priors = graph.listen(probe, InertiaPrior, "inertia_prior", RELIABLE_100)
    states = probe.create_publisher(JointState, "joint_states", RELIABLE_100)
    graph.connect("joint_states")
    graph.connect("inertia_prior")
    q, v = np.array([0.4, -1.1]), np.array([1.0, -2.0])
    msg = JointState(name=[*reversed(NAMES), "extra"], effort=[0.0] * 3)
    msg.position, msg.velocity = [q[1], q[0], 7.0], [v[1], v[0], 7.0]
    msg.header.stamp.sec = 12
    states.publish(msg)
    graph.until(lambda: priors)
    stamp, M, nle = prior_from_msg(priors[0], NAMES)
    model = PinocchioModel(REACHER)
    assert stamp == 12 * NANO
    np.testing.assert_allclose(M, model.M(q), atol=1e-12)
    np.testing.assert_allclose(nle, model.nle(q, v), atol=1e-12)
