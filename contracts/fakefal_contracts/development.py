"""The key with which every fakefal on loopback signs its webhooks.

It is the same on every machine, so that a program may keep the key set for a day, as fal allows, while emulators come
and go.  Everybody can make signatures with it: a verifier of fal's webhooks refuses it.
"""

from __future__ import annotations

import hashlib

SIGNING_SEED = hashlib.sha256(b"fakefal: the development key for webhooks").digest()
"""The private key of Ed25519, 32 bytes."""
