"""What is known: tables and their fields, policy values, checks, importers, roads, travel."""
