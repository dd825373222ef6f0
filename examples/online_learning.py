"""Learn an arm's inverse dynamics while it moves, with a learned loss and without ROS."""

import ml3_ros as ml3

loss = ml3.shipped_loss("sawyer_ml3_shaped")
net = ml3.InverseDynamicsNet(ml3.Units.from_dict(loss.provenance["units"]))
learner = ml3.OnlineLearner(net, {"ml3": loss}, ml3.OnlineConfig(), seed=0)
arm = ml3.simulate(ml3.SimulationConfig(robot="sawyer", payload=(1.0, 3.0)), n_tasks=1, seed=7)
for k in range(2000):  # 20 s of motion; samples of a real arm look the same
    q, v, a, tau = arm.q[0, k], arm.v[0, k], arm.a[0, k], arm.tau[0, k]
    learner.push(k * 0.01, q, v, a, tau)
    learner.learn()
print("predicted [N m]", learner.predict("ml3", q, v, a).round(2))
print("measured  [N m]", tau.numpy().round(2))
