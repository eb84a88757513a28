"""The Kling video family: models, rules and prices, one module a generation."""
