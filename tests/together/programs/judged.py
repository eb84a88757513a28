"""Run a program with its cases on standard input, and print the verdict on each case's key.

Usage: judged.py FILE, which holds the program and the cases as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx

told = json.loads(Path(sys.argv[1]).read_text("utf-8"))
subprocess.run(told["program"], input=json.dumps(told["cases"]), text=True, check=True, timeout=300)
with httpx.Client(base_url=f"{os.environ['FAKEFAL_URL']}/_fakefal/") as control:
    keys = [case["key"] for case in told["cases"]]
    print(json.dumps({key: control.get("verdict", params={"key": key}).raise_for_status().json() for key in keys}))
