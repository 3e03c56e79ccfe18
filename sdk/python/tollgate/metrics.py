"""Series on the gateway's ``/metrics``. Needs ``capabilities: [metrics]`` in ``policy.yaml``, and a grant."""

from __future__ import annotations

from typing import Mapping, Optional

from wit_world.imports import metrics as _metrics

from tollgate import asking

__all__ = ["count"]


def count(name: str, value: float = 1.0, labels: Optional[Mapping[str, str]] = None) -> None:
    """Add to a series of the policy's own."""
    pairs = [_metrics.Label(name, value) for name, value in (labels or {}).items()]
    with asking(f"count {name}"):
        _metrics.count(name, value, pairs)
