"""One publisher at a time commands an arm: who sends, and what is rejected."""
