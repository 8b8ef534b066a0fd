"""Village schools under executive heads and the trusts above them: planned, priced, judged and explained."""
