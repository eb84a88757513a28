"""Files by address: the CDN, results and their files, ``data:`` URIs, and downloads from foreign hosts."""
