"""Goals for Gymnasium's robots, whose policies act without any model (section III-B.2)."""
