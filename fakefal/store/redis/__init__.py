"""A Redis that any number of replicas share."""
