"""Files by address: the CDN, results and the files they name, ``data:`` URIs, and downloads from foreign hosts."""
