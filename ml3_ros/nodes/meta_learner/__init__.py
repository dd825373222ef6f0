# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The meta_learner node: meta-trains losses from streamed priors; action meta_train."""
