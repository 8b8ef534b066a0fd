"""The sample county, generated from one seed."""
