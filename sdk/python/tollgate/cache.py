"""Small values, and whole responses. Needs ``capabilities: [cache]`` in ``policy.yaml``, and a grant."""

from __future__ import annotations

from typing import Optional, Union

from wit_world.imports import cache as _cache

from tollgate import asking, bytes_of

__all__ = ["get", "lookup", "put", "remove", "store"]


def get(key: str) -> Optional[bytes]:
    """A value; None if there is none."""
    with asking("read the cache"):
        value = _cache.get(key)
    return None if value is None else bytes(value)


def put(key: str, value: Union[str, bytes], ttl_ms: int) -> None:
    """Keep a value for so long."""
    with asking("write to the cache"):
        _cache.put(key, bytes_of(value), ttl_ms)


def remove(key: str) -> None:
    """Forget a value. Fine if there is none."""
    with asking("remove from the cache"):
        _cache.remove(key)


def lookup(vary: Optional[list[str]] = None) -> bool:
    """Look for a stored response to this request; after True, answer with ``staged``."""
    with asking("look into the cache"):
        return _cache.lookup(vary or []) == _cache.Outcome.HIT


def store(ttl_ms: int) -> None:
    """Keep this exchange's response."""
    with asking("store the response"):
        _cache.store(ttl_ms)
