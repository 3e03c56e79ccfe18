import { ConfigError, json, policy, reject } from "tollgate";
import * as cache from "tollgate/cache";
import * as limiter from "tollgate/limiter";
import { fromHex, verifyHmac } from "tollgate/crypto";

const unauthorized = (error) => json(401, { error }, { "www-authenticate": "Signature" });

/** Lets only requests pass that their tenant has signed, each once, and so many in a period. */
export const { lifecycle, onRequest } = policy({
  id: "signed-requests",
  version: "0.1.0",
  summary: "Lets only requests pass that their tenant has signed.",
  configuration: {
    type: "object",
    additionalProperties: false,
    required: ["keys", "calls", "period", "replay"],
    properties: {
      keys: { type: "object", additionalProperties: { type: "string" } },
      calls: { type: "integer", minimum: 1 },
      period: { type: "integer", minimum: 1 },
      replay: { type: "integer", minimum: 1 },
    },
  },
  bodies: { "on-request": { buffer: { "max-bytes": 65536 } } },
  rejections: [{ status: 429, reason: "TenantLimit" }],

  configure({ keys, ...rest }) {
    for (const [tenant, key] of Object.entries(keys)) {
      if (key === "") throw new ConfigError(`/keys/${tenant}`, "the key of a tenant is empty");
    }
    return { keys: new Map(Object.entries(keys)), ...rest };
  },

  onRequest(request, { keys, calls, period, replay }) {
    const tenant = request.header("x-tenant") ?? "";
    const key = keys.get(tenant);
    if (key === undefined) return unauthorized("unknown tenant");

    const digits = request.header("x-signature") ?? "";
    const signature = fromHex(digits);
    if (!signature || !verifyHmac(key, request.bytes(), signature)) return unauthorized("bad signature");

    const seen = `${tenant}/${digits}`;
    if (cache.get(seen) !== undefined) return unauthorized("replayed");

    const { admitted, retryAfterMs } = limiter.admit(tenant, { calls, periodMs: period * 1000 });
    if (!admitted) {
      const seconds = String(Math.ceil(retryAfterMs / 1000));
      return reject(429, "TenantLimit", "Too many requests of this tenant.", { "retry-after": seconds });
    }

    cache.put(seen, "1", replay * 1000);
    request.setHeader("x-verified", "true");
    request.removeHeader("x-signature");
  },
});
