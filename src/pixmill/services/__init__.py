"""What is allowed and what it costs: one class per noun."""
