"""The meta_learner node: meta-trains losses from streamed priors; action meta_train."""
