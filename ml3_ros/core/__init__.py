"""The paper in torch: inner loop, learned losses, meta-training and engines; knows no robot."""
