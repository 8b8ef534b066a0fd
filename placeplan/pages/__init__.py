"""The map pages of a study: from the tables of its stages to one offline page for each question."""
