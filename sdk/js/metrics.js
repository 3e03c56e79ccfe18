/**
 * Series on the gateway's `/metrics`. Needs `capabilities: [metrics]` in `policy.yaml`, and a grant.
 *
 * @module tollgate/metrics
 */
import * as metrics from "tollgate:metrics/metrics@0.1.0";
import { asking } from "tollgate";

/** @param {string} name @param {number} [value] @param {Record<string, string>} [labels] */
export function count(name, value = 1, labels = {}) {
  const pairs = Object.entries(labels).map(([name, value]) => ({ name, value }));
  asking(`count ${name}`, () => metrics.count(name, value, pairs));
}
