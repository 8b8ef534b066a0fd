"""What differs between two scenarios, plans or studies."""
