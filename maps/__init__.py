"""What people look at: offline map pages, layers, legends."""
