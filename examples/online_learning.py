"""Learn an arm's inverse dynamics while it moves, with a learned loss and no ROS."""

from ml3_ros import InverseDynamicsNet, OnlineConfig, OnlineLearner, Units, shipped_loss, simulate_stream

loss = shipped_loss("sawyer_ml3_shaped")
units = Units.from_dict(loss.provenance["units"])
learner = OnlineLearner(InverseDynamicsNet(units), {"ml3": loss}, OnlineConfig(), seed=0)
for t, q, v, a, tau in simulate_stream("sawyer", seconds=20.0, seed=1):
    learner.push(t, q, v, a, tau)  # a stream of a real arm looks the same
    learner.learn()
print("predicted torque [N m]:", learner.predict("ml3", q, v, a).round(2))
print("measured torque  [N m]:", tau.round(2))
