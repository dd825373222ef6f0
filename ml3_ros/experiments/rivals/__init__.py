# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Other ways to use the robots of meta-training: pretrained, MAML, ALPaCA, learned steps."""
