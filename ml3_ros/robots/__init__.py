"""Robot arms by name: description, MuJoCo simulation, Pinocchio model, and control.

Import the modules you need: nothing is imported here, so that a process which adapts online can
use `ml3_ros.data.filters` without loading a physics engine.
"""
