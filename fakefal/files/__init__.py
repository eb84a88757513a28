"""Files by address: the CDN, canned media, ``data:`` URIs, and downloads from foreign hosts."""
