/**
 * Requests of the policy's own. Needs `capabilities: [http]` in `policy.yaml`, and a grant that names the origins.
 *
 * @module tollgate/http
 */
import * as client from "tollgate:http-client/http-client@0.1.0";
import { asking, bytesOf, textOf } from "tollgate";

/**
 * Send a request and wait for the whole response.
 *
 * @param {string} url
 * @param {{ method?: string, headers?: Record<string, string | Uint8Array>, body?: string | Uint8Array, timeoutMs?: number }} [options]
 */
export function fetch(url, { method = "GET", headers = {}, body = "", timeoutMs = 5000 } = {}) {
  const request = {
    method,
    url,
    headers: Object.entries(headers).map(([name, value]) => ({ name, value: bytesOf(value) })),
    body: bytesOf(body),
    timeoutMs,
  };
  const response = asking(`${method} ${url}`, () => client.send(request));
  return {
    status: response.status,
    headers: response.headers.map(({ name, value }) => [name, textOf(value)]),
    bytes: () => bytesOf(response.body),
    text: () => textOf(response.body),
    json: () => JSON.parse(textOf(response.body)),
  };
}
