"""Competitions for new schools: bids ranked, placed on their sites, and linked awards made together."""
