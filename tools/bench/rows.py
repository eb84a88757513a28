"""All rows of the table, in order. A new one is a `Row` in the module of its kind, listed here."""

from __future__ import annotations

from tools.bench import calls, commands, models, processes, replicas, stored, streams, throughput
from tools.bench.table import Row

ROWS: tuple[Row, ...] = (
    *throughput.ROWS,
    *processes.ROWS,
    *commands.ROWS,
    *calls.ROWS,
    *models.ROWS,
    *stored.ROWS,
    *streams.ROWS,
    *replicas.ROWS,
)
