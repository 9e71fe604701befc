"""Search: from a typed query to a ranked list."""
