"""Counting that all workers share. Needs ``capabilities: [limiter]`` in ``policy.yaml``, and a grant."""

from __future__ import annotations

from wit_world.imports import limiter as _limiter
from wit_world.imports.limiter import Decision, Sharing

from tollgate import asking

__all__ = ["Decision", "Sharing", "acquire", "admit"]


def admit(key: str, calls: int, period_ms: int, *, cost: int = 1, sharing: Sharing = Sharing.STATEMENT) -> Decision:
    """Admit a call and count it, in one step, in a sliding window.

    The decision has ``admitted``, ``remaining`` and ``retry_after_ms``.
    """
    rule = _limiter.Rule_SlidingWindow(_limiter.SlidingWindow(calls, period_ms))
    with asking("ask the limiter"):
        return _limiter.admit(_limiter.Counter(sharing, key), cost, rule)


def acquire(key: str, maximum: int, *, sharing: Sharing = Sharing.STATEMENT) -> bool:
    """Take one of ``maximum`` places until the exchange ends."""
    with asking("acquire a place"):
        return _limiter.acquire(_limiter.Counter(sharing, key), maximum)
