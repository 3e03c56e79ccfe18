/**
 * Small values, and whole responses. Needs `capabilities: [cache]` in `policy.yaml`, and a grant.
 *
 * @module tollgate/cache
 */
import * as cache from "tollgate:cache/cache@0.1.0";
import { asking, bytesOf, textOf } from "tollgate";

/** A value as bytes; undefined if there is none. @param {string} key @returns {Uint8Array | undefined} */
export function getBytes(key) {
  const value = asking("read the cache", () => cache.get(key));
  return value === undefined ? undefined : bytesOf(value);
}

/** A value as text. @param {string} key @returns {string | undefined} */
export function get(key) {
  const value = getBytes(key);
  return value === undefined ? undefined : textOf(value);
}

/** @param {string} key @param {string | Uint8Array} value @param {number} ttlMs */
export function put(key, value, ttlMs) {
  asking("write to the cache", () => cache.put(key, bytesOf(value), BigInt(ttlMs)));
}

/** @param {string} key */
export function remove(key) {
  asking("remove from the cache", () => cache.remove(key));
}

/** Look for a stored response to this request; after true, answer with `staged`. @param {string[]} [vary] */
export function lookup(vary = []) {
  return asking("look into the cache", () => cache.lookup(vary)) === "hit";
}

/** Keep this exchange's response. @param {number} ttlMs */
export function store(ttlMs) {
  asking("store the response", () => cache.store(BigInt(ttlMs)));
}
