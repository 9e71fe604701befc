"""Recommendation: from a log of events to a ranked list for each user."""
