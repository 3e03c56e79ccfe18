"""Policies for the Tollgate gateway.

A policy is a subclass of :class:`Policy` with the manifest as class attributes and a method for each phase; the module
hands it over with :func:`export`.
"""

from __future__ import annotations

import json as _json
from typing import Any, Iterable, Mapping, Optional, Union

from componentize_py_types import Err
from wit_world.imports import context, expression, log as _log, messages as _messages
from wit_world.imports import variables as _variables, verdicts as _verdicts
from wit_world.exports.lifecycle import ConfigError as _ConfigError

__all__ = [
    "ConfigError", "Policy", "Request", "Response", "TollgateError", "Verdict",
    "context", "export", "json_reply", "log", "next", "reject", "reply", "staged", "value_of", "variables",
]

#: Text, which becomes UTF-8, or bytes as they are.
Text = Union[str, bytes]
Headers = Union[Mapping[str, Text], Iterable[tuple[str, Text]]]
Verdict = Union[_verdicts.Verdict_Next, _verdicts.Verdict_Respond, _verdicts.Verdict_Reject]


class TollgateError(Exception):
    """A capability or a message said no. ``code`` is the case of its interface, such as ``forbidden``."""

    def __init__(self, doing: str, code: str, detail: Any = None) -> None:
        super().__init__(f"{doing}: {code}" + ("" if detail is None else f" ({detail})"))
        self.code = code
        self.detail = detail


class ConfigError(Exception):
    """Raised by ``configure``: the configuration is refused, at a JSON Pointer below the statement."""

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(message)
        self.pointer = pointer
        self.message = message


class asking:  # noqa: N801 - it reads as a statement: `with asking("read the body"):`
    """What the gateway refuses within becomes a :class:`TollgateError`."""

    def __init__(self, doing: str) -> None:
        self.doing = doing

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        if not isinstance(error, Err):
            return False
        case = type(error.value).__name__.rpartition("_")[2]
        code = "".join(f"-{c.lower()}" if c.isupper() else c for c in case).lstrip("-")
        raise TollgateError(self.doing, code, getattr(error.value, "value", None)) from None


def bytes_of(value: Text) -> bytes:
    """Bytes as they are, text as UTF-8."""
    return value if isinstance(value, (bytes, bytearray)) else str(value).encode()


def text_of(value: bytes) -> str:
    """UTF-8; what isn't becomes U+FFFD."""
    return bytes(value).decode("utf-8", "replace")


def _fields(headers: Optional[Headers]) -> list:
    pairs = headers.items() if isinstance(headers, Mapping) else (headers or [])
    return [_messages.Field(name, bytes_of(value)) for name, value in pairs]


class _Message:
    """What requests and responses have alike: headers and a body."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def header(self, name: str) -> Optional[str]:
        """The first value of a header; None if it is absent."""
        value = self._handle.header(name)
        return None if value is None else text_of(value)

    def header_values(self, name: str) -> list[str]:
        """All values of a header, in order."""
        return [text_of(value) for value in self._handle.header_values(name)]

    @property
    def headers(self) -> list[tuple[str, str]]:
        """All headers, in order."""
        return [(field.name, text_of(field.value)) for field in self._handle.headers()]

    def set_header(self, name: str, value: Text) -> None:
        """Make ``value`` the header's only value."""
        with asking(f"set the header {name}"):
            self._handle.set_header(name, bytes_of(value))

    def append_header(self, name: str, value: Text) -> None:
        """Add one more line to a header."""
        with asking(f"append the header {name}"):
            self._handle.append_header(name, bytes_of(value))

    def remove_header(self, name: str) -> None:
        """Take a header away. Fine if it is absent."""
        with asking(f"remove the header {name}"):
            self._handle.remove_header(name)

    @property
    def body(self) -> bytes:
        """The whole body. The phase needs ``bodies = {"on-request": {"buffer": {"max-bytes": N}}}``."""
        with asking("read the body"):
            return bytes(self._handle.body())

    @body.setter
    def body(self, body: Text) -> None:
        with asking("set the body"):
            self._handle.set_body(bytes_of(body))

    def json(self) -> Any:
        """The whole body as JSON; raises ``ValueError`` if it isn't."""
        return _json.loads(self.body)


class Request(_Message):
    """The request as it will be forwarded."""

    @property
    def method(self) -> str:
        return self._handle.method()

    @method.setter
    def method(self, method: str) -> None:
        with asking("set the method"):
            self._handle.set_method(method)

    @property
    def scheme(self) -> str:
        """``http`` or ``https``."""
        return self._handle.scheme()

    @property
    def authority(self) -> str:
        """Host and port that the client addressed."""
        return self._handle.authority()

    @property
    def path(self) -> str:
        """The normalised path, the API's own included."""
        return self._handle.path()

    @property
    def query(self) -> Optional[str]:
        """The query without its ``?``."""
        return self._handle.query()

    @query.setter
    def query(self, query: Optional[str]) -> None:
        with asking("set the query"):
            self._handle.set_query(query)

    def query_values(self, name: str) -> list[str]:
        """The values of a query parameter, decoded."""
        return list(self._handle.query_values(name))

    def parameter(self, name: str) -> Optional[str]:
        """A parameter of the operation's URL template."""
        return self._handle.parameter(name)

    def set_target(self, path_and_query: str) -> None:
        """Path and query, relative to the API."""
        with asking("set the target"):
            self._handle.set_target(path_and_query)


class Response(_Message):
    """The response as it will be returned."""

    @property
    def status(self) -> int:
        return self._handle.status()

    @status.setter
    def status(self, status: int) -> None:
        if not self._handle.set_status(status):
            raise TollgateError("set the status", "invalid", status)


#: Go on with the next statement. So does a phase that returns None.
next: Verdict = _verdicts.Verdict_Next()

#: Answer with what a capability has put ready, such as ``cache.lookup`` after a hit.
staged: Verdict = _verdicts.Verdict_Respond(_verdicts.Reply_Staged())


def reply(status: int, body: Text = b"", headers: Optional[Headers] = None) -> Verdict:
    """Stop, and answer the client."""
    inline = _verdicts.InlineReply(status, None, _fields(headers), bytes_of(body))
    return _verdicts.Verdict_Respond(_verdicts.Reply_Inline(inline))


def json_reply(status: int, value: Any, headers: Optional[Mapping[str, Text]] = None) -> Verdict:
    """Stop, and answer with a JSON document."""
    return reply(status, _json.dumps(value), {"content-type": "application/json", **(headers or {})})


def reject(status: int, reason: str, message: str, headers: Optional[Headers] = None) -> Verdict:
    """Stop, and refuse: the on-error section runs. ``reason`` is a word, ``message`` a sentence for the client."""
    return _verdicts.Verdict_Reject(_verdicts.Failure(status, reason, message, _fields(headers)))


class log:  # noqa: N801 - used like a module
    """Lines for the operator. ``print`` may be used as well."""

    @staticmethod
    def debug(message: Any) -> None:
        _log.write(_log.Level.DEBUG, str(message))

    @staticmethod
    def info(message: Any) -> None:
        _log.write(_log.Level.INFO, str(message))

    @staticmethod
    def warn(message: Any) -> None:
        _log.write(_log.Level.WARN, str(message))

    @staticmethod
    def error(message: Any) -> None:
        _log.write(_log.Level.ERROR, str(message))


class variables:  # noqa: N801 - used like a module
    """What statements pass to one another: JSON values by name."""

    @staticmethod
    def get(name: str) -> Any:
        """None if there is none."""
        text = _variables.get(name)
        return None if text is None else _json.loads(text)

    @staticmethod
    def set(name: str, value: Any) -> None:
        with asking(f"set the variable {name}"):
            _variables.set(name, _json.dumps(value))


def value_of(value: Any) -> Any:
    """The value that a member of the configuration has now: where the operator wrote ``"${…}"``, it is computed."""
    if not (isinstance(value, dict) and value.keys() == {"$expression"}):
        return value
    with asking("evaluate an expression"):
        found = expression.evaluate(value["$expression"])
    if isinstance(found, expression.Value_Json):
        return _json.loads(found.value)
    return getattr(found, "value", None)


class Policy:
    """What a policy says of itself, and its phases. Leave out the phases that it has no use for."""

    id: str
    version: str
    summary: str = ""
    #: A JSON Schema of the configuration.
    configuration: Any = True
    #: Example: ``{"on-request": {"buffer": {"max-bytes": 65536}}}``
    bodies: Mapping[str, Any] = {}
    #: The manifest's further members: ``sections``, ``scopes``, ``once``, ``rejections``.
    manifest: Mapping[str, Any] = {}

    def configure(self, configuration: Any) -> None:
        """Take the configuration, once. Raise :class:`ConfigError` to refuse it."""
        self.settings = configuration

    def on_request(self, request: Request) -> Optional[Verdict]:
        """Before the request is forwarded."""

    def on_response(self, request: Request, response: Response) -> Optional[Verdict]:
        """Before the response is returned."""

    def on_error(self, request: Request, response: Response, error: Any) -> Optional[Verdict]:
        """When something failed; ``error`` has ``source``, ``reason`` and ``message``."""


def export(policy: Policy, module: dict[str, Any]) -> None:
    """Hand the policy over: ``export(MyPolicy(), globals())`` at the end of the module."""

    class Lifecycle:
        def describe(self) -> str:
            manifest = {"id": policy.id, "version": policy.version, "summary": policy.summary, **policy.manifest}
            return _json.dumps({**manifest, "configuration": policy.configuration, "bodies": dict(policy.bodies)})

        def configure(self, config: str) -> None:
            try:
                policy.configure(_json.loads(config))
            except ConfigError as refused:
                raise Err(_ConfigError(refused.pointer, refused.message)) from None

    class OnRequest:
        def on_request(self, request: Any) -> Verdict:
            return policy.on_request(Request(request)) or next

    class OnResponse:
        def on_response(self, request: Any, response: Any) -> Verdict:
            return policy.on_response(Request(request), Response(response)) or next

    class OnError:
        def on_error(self, request: Any, response: Any, error: Any) -> Verdict:
            return policy.on_error(Request(request), Response(response), error) or next

    module.update(Lifecycle=Lifecycle, OnRequest=OnRequest, OnResponse=OnResponse, OnError=OnError)
