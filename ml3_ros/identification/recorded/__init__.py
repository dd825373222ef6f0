# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recording and arm of an identification: which joints, and the recording in the model's terms."""
