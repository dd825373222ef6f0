"""One node or a few with what they need around them, and one kind of harm done to them."""
