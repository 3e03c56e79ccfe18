import math

from tollgate import ConfigError, Policy, export, json_reply, reject
from tollgate import cache, limiter
from tollgate.crypto import verify_hmac


def unauthorized(error):
    return json_reply(401, {"error": error}, {"www-authenticate": "Signature"})


class SignedRequests(Policy):
    """Lets only requests pass that their tenant has signed, each once, and so many in a period."""

    id = "signed-requests"
    version = "0.1.0"
    summary = "Lets only requests pass that their tenant has signed."
    configuration = {
        "type": "object",
        "additionalProperties": False,
        "required": ["keys", "calls", "period", "replay"],
        "properties": {
            "keys": {"type": "object", "additionalProperties": {"type": "string"}},
            "calls": {"type": "integer", "minimum": 1},
            "period": {"type": "integer", "minimum": 1},
            "replay": {"type": "integer", "minimum": 1},
        },
    }
    bodies = {"on-request": {"buffer": {"max-bytes": 65536}}}
    manifest = {"rejections": [{"status": 429, "reason": "TenantLimit"}]}

    def configure(self, configuration):
        for tenant, key in configuration["keys"].items():
            if not key:
                raise ConfigError(f"/keys/{tenant}", "the key of a tenant is empty")
        self.settings = configuration

    def on_request(self, request):
        tenant = request.header("x-tenant")
        key = self.settings["keys"].get(tenant)
        if key is None:
            return unauthorized("unknown tenant")

        digits = request.header("x-signature") or ""
        try:
            signature = bytes.fromhex(digits)
        except ValueError:
            return unauthorized("bad signature")
        if not verify_hmac(key, request.body, signature):
            return unauthorized("bad signature")

        seen = f"{tenant}/{digits}"
        if cache.get(seen) is not None:
            return unauthorized("replayed")

        decision = limiter.admit(tenant, self.settings["calls"], self.settings["period"] * 1000)
        if not decision.admitted:
            seconds = str(math.ceil(decision.retry_after_ms / 1000))
            return reject(429, "TenantLimit", "Too many requests of this tenant.", {"retry-after": seconds})

        cache.put(seen, "1", self.settings["replay"] * 1000)
        request.set_header("x-verified", "true")
        request.remove_header("x-signature")


export(SignedRequests(), globals())
