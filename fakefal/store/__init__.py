"""Where requests and files are kept."""
