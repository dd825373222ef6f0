"""Who adapts online knows no model of the arm."""

from __future__ import annotations

import subprocess
import sys


def test_the_process_that_adapts_imports_no_model():
    code = (
        "import sys, ml3_ros.nodes.policy_optimizer\n"
        "models = {'pinocchio', 'mujoco'} & set(sys.modules)\n"
        "assert not models, models\n"
    )
    subprocess.run([sys.executable, "-c", code], timeout=60, check=True)
