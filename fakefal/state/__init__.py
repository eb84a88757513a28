"""What the floors above share: records, endings, clocks, journal, ledger, and the protocols of the stores."""
