"""Online learning of reaching policies from episodes on the arm."""
