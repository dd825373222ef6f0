"""Speed, memory and latency, each beside something else in the same run; run by `ml3 bench`."""
