"""Learned losses M_phi: one file a kind of loss, their specification and file format."""
