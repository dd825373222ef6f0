# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Installation of ml3_ros by colcon (ament_python) and by pip; pyproject.toml is for tools."""

from pathlib import Path

from setuptools import find_packages, setup

NAME = "ml3_ros"
HERE = Path(__file__).resolve().parent
NODES = {  # executable: its module in ml3_ros/nodes
    "arm_frames": "arm_frames",
    "bag_player": "bag_player",
    "conductor": "conductor.node",
    "contact_observer": "contact_observer",
    "effort_bridge": "effort_bridge.node",
    "excitation": "excitation",
    "meta_learner": "meta_learner.node",
    "policy_optimizer": "policy_optimizer.node",
    "reach_optimizer": "reach_optimizer.node",
    "recorder": "recorder",
    "rigid_body_prior": "rigid_body_prior",
    "ros2_control_emulator": "ros2_control_emulator.node",
    "sawyer_driver": "sawyer_driver.node",
    "sawyer_emulator": "sawyer_emulator.node",
    "sim_arm": "sim_arm",
    "tracking_controller": "tracking_controller.node",
    "trajectory_commander": "trajectory_commander.node",
}


def files(pattern: str) -> list[str]:
    """Return the files that match, relative to this one, as data_files wants them."""
    return sorted(str(path.relative_to(HERE)) for path in HERE.glob(pattern))


setup(
    name=NAME,
    version="0.2.0",
    description="Meta learning via learned loss for robot arms, on ROS 2 and PyTorch",
    license="Apache-2.0",
    maintainer="ml3_ros maintainers",
    maintainer_email="maintainers@ml3-ros.invalid",
    python_requires=">=3.11",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={
        NAME: [
            "robots/models/*.xml",
            "robots/models/*.json",
            "zoo/*.safetensors",
            "identification/*.j2",
            "reports/styles.yaml",
            "reports/identification/*.j2",
            "benchmarks/arms/manifest.yaml",
            "experiments/*/sections.yaml",
            "experiments/page/*.j2",
            "experiments/page/choices.yaml",
        ],
    },
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        (f"share/{NAME}/launch", files("launch/*.launch.py")),
        (f"share/{NAME}/config", files("config/*.*")),
        (f"share/{NAME}/config/security", files("config/security/*.xml")),
    ],
    # ROS packages (rclpy, launch_ros, the messages) come from package.xml or, without a ROS 2
    # installation, from requirements.txt; no package of that name on an index is meant.
    # The bounds admit what apt has on Ubuntu 24.04; what it has not is in requirements-colcon.txt.
    install_requires=[
        "Jinja2>=3.1",
        "matplotlib>=3.6",
        "mujoco>=4.0",
        "numpy>=1.26",
        "pin>=4.1",
        "PyYAML>=6.0",
        "rosbags>=0.11",
        "safetensors>=0.5",
        "scipy>=1.11",
        "tabulate>=0.9",
        "torch>=2.4",
        "tqdm>=4.66",
    ],
    extras_require={  # no node needs any of them
        # key=value settings, the engine `higher`, tables and digits
        "experiments": ["higher>=0.2.1", "scikit-learn>=1.4", "tyro>=1.0"],
        "ilqr": ["crocoddyl>=3.2"],  # trajectory optimization as a baseline, and as an expert
        "ray": ["ray>=2.40"],  # sweeps over many machines
        # Gymnasium's robots, PPO as a baseline, and a maze of meta-reinforcement learning
        "rl": ["gymnasium>=1.0", "minigrid>=3.0", "stable-baselines3>=2.4"],
        "ur10": ["example-robot-data>=5.0"],
        # also tells colcon to test with pytest
        "test": [
            "colcon-bash>=0.5",
            "colcon-core>=0.17",
            "colcon-defaults>=0.2",
            "colcon-package-information>=0.4",
            "colcon-recursive-crawl>=0.2",
            "colcon-ros>=0.5",
            "hypothesis>=6.98",
            "import-linter>=2.17",
            "packaging>=24",
            "pytest>=7.4",
            "pytest-xdist>=3",
            "rosdep>=0.25",
        ],
    },
    entry_points={
        "console_scripts": [
            f"ml3 = {NAME}.cli.main:main",
            *(f"{node} = {NAME}.nodes.{module}:main" for node, module in NODES.items()),
        ],
    },
)
