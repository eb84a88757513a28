"""Webhook deliveries, in the memory of this process."""

from __future__ import annotations

import heapq

from fakefal.core.webhook import Delivery, DeliveryAttempt, Fate


class Deliveries:
    """Deliveries by request, and for each key a heap of the next tries.

    A claimed delivery belongs to the claimer until the try is recorded.
    """

    def __init__(self) -> None:
        self._deliveries: dict[str, Delivery] = {}
        self._keys: dict[str, str] = {}
        self._due: dict[str, list[tuple[float, str]]] = {}
        self._claimed: set[str] = set()

    def add(self, key: str, delivery: Delivery) -> None:
        """Add a delivery."""
        self._deliveries[delivery.request_id] = delivery
        self._keys[delivery.request_id] = key
        self._push(delivery)

    def claim(self, key: str, now: float, most: int) -> list[Delivery]:
        """The first deliveries that are due and not claimed."""
        claimed: list[Delivery] = []
        while len(claimed) < most and (due := self.next_due(key)) is not None and due <= now:
            _, request_id = heapq.heappop(self._due[key])
            self._claimed.add(request_id)
            claimed.append(self._deliveries[request_id])
        return claimed

    def trying(self, key: str) -> bool:
        """Whether a delivery of a key is claimed."""
        return any(self._keys[request_id] == key for request_id in self._claimed)

    def next_due(self, key: str) -> float | None:
        """When the next try of a key is due."""
        heap = self._due.get(key, [])
        while heap and not self._is_current(*heap[0]):
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def tried(self, request_id: str, attempt: DeliveryAttempt) -> Delivery | None:
        """Record a try; returns the delivery after it, or None if the delivery was deleted in the meantime."""
        self._claimed.discard(request_id)
        before = self._deliveries.get(request_id)
        if before is None:
            return None
        if before.fate is not Fate.PENDING:  # a replay settled it in the meantime
            return self.replayed(request_id, attempt)
        after = self._deliveries[request_id] = before.after(attempt)
        if after.fate is Fate.PENDING:
            self._push(after)
        return after

    def replayed(self, request_id: str, attempt: DeliveryAttempt) -> Delivery | None:
        """Record an extra try."""
        before = self._deliveries.get(request_id)
        if before is None:
            return None
        after = self._deliveries[request_id] = before.replayed(attempt)
        return after

    def get(self, request_id: str) -> Delivery | None:
        """The delivery of a request, if it has one."""
        return self._deliveries.get(request_id)

    def all(self, key: str | None) -> list[Delivery]:
        """The deliveries of a key, or of all keys, oldest first."""
        return [one for one in self._deliveries.values() if key is None or self._keys[one.request_id] == key]

    def forget(self, request_id: str) -> None:
        """Delete the delivery of a request, if it has one."""
        if self._deliveries.pop(request_id, None):
            self._claimed.discard(request_id)
            key = self._keys.pop(request_id)
            if self.next_due(key) is None:
                self._due.pop(key, None)

    def _push(self, delivery: Delivery) -> None:
        heap = self._due.setdefault(self._keys[delivery.request_id], [])
        heapq.heappush(heap, (delivery.due_at, delivery.request_id))

    def _is_current(self, due_at: float, request_id: str) -> bool:
        delivery = self._deliveries.get(request_id)
        pending = delivery is not None and delivery.fate is Fate.PENDING and delivery.due_at == due_at
        return pending and request_id not in self._claimed
