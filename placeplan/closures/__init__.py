"""Closures of a plan: their grounds, whom they move, what they cost whom, and what keeping a school would take."""
