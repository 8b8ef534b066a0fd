"""The report of a study: its pages, its papers and what they say."""
