"""How a problem is solved: exact, with a proven bound, checked independently."""
