# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""The paper in torch: inner loop, learned losses, meta-training and engines; knows no robot."""
