"""The sawyer_driver node: a real Sawyer behind the topics of a simulated arm."""
