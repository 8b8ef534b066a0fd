"""What is being decided: forecasts, options, policy rows, money."""
