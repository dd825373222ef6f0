"""Speed and memory of the learning core; run by `ml3 bench` in a checkout."""
