/**
 * Counting that all workers share. Needs `capabilities: [limiter]` in `policy.yaml`, and a grant.
 *
 * @module tollgate/limiter
 */
import * as limiter from "tollgate:limiter/limiter@0.1.0";
import { asking } from "tollgate";

/** @typedef {limiter.Sharing} Sharing Whose counter it is: this statement's own, or every statement's. */

/**
 * @typedef {object} Decision
 * @property {boolean} admitted
 * @property {number} remaining
 * @property {number} retryAfterMs
 */

/**
 * Admit a call and count it, in one step.
 *
 * @param {string} key @param {{ calls: number, periodMs: number }} window A sliding window.
 * @param {{ cost?: number, sharing?: Sharing }} [options] @returns {Decision}
 */
export function admit(key, { calls, periodMs }, { cost = 1, sharing = "statement" } = {}) {
  /** @type {limiter.Rule} */
  const rule = { tag: "sliding-window", val: { calls: BigInt(calls), periodMs: BigInt(periodMs) } };
  const decision = asking("ask the limiter", () => limiter.admit({ sharing, key }, BigInt(cost), rule));
  return {
    admitted: decision.admitted,
    remaining: Number(decision.remaining),
    retryAfterMs: Number(decision.retryAfterMs),
  };
}

/** Take one of `max` places until the exchange ends. @param {string} key @param {number} max @param {Sharing} [sharing] @returns {boolean} */
export function acquire(key, max, sharing = "statement") {
  return asking("acquire a place", () => limiter.acquire({ sharing, key }, max));
}
