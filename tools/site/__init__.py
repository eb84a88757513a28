"""Additions to MkDocs for the site: pages and tables that are made from the code."""
