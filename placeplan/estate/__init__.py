"""The plan of the estate: its problem, its proof, what each decision is worth and why it is there."""
