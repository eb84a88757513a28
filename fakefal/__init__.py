"""fal's queue and the Kling video models on your own machine."""
