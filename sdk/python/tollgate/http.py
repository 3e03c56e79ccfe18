"""Requests of the policy's own. Needs ``capabilities: [http]`` in ``policy.yaml``, and a grant that names the origins."""

from __future__ import annotations

from typing import Mapping, Optional, Union

from wit_world.imports import http_client as _client
from wit_world.imports.http_client import IncomingResponse

from tollgate import asking, bytes_of

__all__ = ["IncomingResponse", "send"]


def send(
    method: str,
    url: str,
    *,
    headers: Optional[Mapping[str, Union[str, bytes]]] = None,
    body: Union[str, bytes] = b"",
    timeout_ms: int = 5000,
) -> IncomingResponse:
    """Send a request and wait for the whole response, which has ``status``, ``headers`` and ``body``."""
    fields = [_client.Field(name, bytes_of(value)) for name, value in (headers or {}).items()]
    with asking(f"{method} {url}"):
        return _client.send(_client.OutgoingRequest(method, url, fields, bytes_of(body), timeout_ms))
