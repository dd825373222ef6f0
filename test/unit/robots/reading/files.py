# SPDX-FileCopyrightText: 2026 ml3_ros maintainers
# SPDX-License-Identifier: Apache-2.0
"""Small URDFs and MJCFs, put together from their links and joints."""

from __future__ import annotations

INERTIAL = """<inertial><origin xyz=".1 .02 .2"/><mass value="2"/>
<inertia ixx=".02" iyy=".03" izz=".04" ixy=".001" ixz="0" iyz="0"/></inertial>"""
LIMIT = '<limit lower="-1" upper="1" effort="100" velocity="2"/>'


def link(name, inertial=INERTIAL):
    return f'<link name="{name}">{inertial}</link>'


def joint(name, parent, child, kind="revolute", extra="", limit=LIMIT, axis="0 1 0"):
    return f"""<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/>
<origin xyz="0 .1 .3" rpy=".2 0 .1"/><axis xyz="{axis}"/>{limit}{extra}</joint>"""


def robot(*parts):
    return f'<robot name="r">{"".join(parts)}</robot>'


def chain(*joints, inertial=INERTIAL):
    """Return a URDF whose links l0, l1, ... hang on one another by joints (name, options)."""
    links = [link(f"l{i}", inertial) for i in range(len(joints) + 1)]
    made = [
        joint(name, f"l{i}", f"l{i + 1}", **options) for i, (name, options) in enumerate(joints)
    ]
    return robot(*links, *made)
