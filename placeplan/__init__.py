"""The application: open a study, run its stages, explain and report."""
