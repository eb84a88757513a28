"""What MkDocs does not do by itself for the site: pages and tables that are made from the code."""
