/**
 * What the gateway computes many times faster than a policy. Needs no grant.
 *
 * @module tollgate/crypto
 */
import * as crypto from "tollgate:crypto/crypto@0.1.0";
import { asking, bytesOf } from "tollgate";

/**
 * Is `signature` the HMAC-SHA256 of `message`? Compared in constant time.
 *
 * @param {string | Uint8Array} secret @param {string | Uint8Array} message @param {Uint8Array} signature @returns {boolean}
 */
export function verifyHmac(secret, message, signature) {
  /** @type {crypto.Key} */
  const key = { tag: "secret", val: bytesOf(secret) };
  return asking("verify a signature", () => crypto.verify("hs256", key, bytesOf(message), signature));
}

/** Bytes of hexadecimal digits; undefined if they are none. @param {string} digits @returns {Uint8Array | undefined} */
export function fromHex(digits) {
  if (!/^([0-9a-f]{2})*$/i.test(digits)) return undefined;
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) => parseInt(digits.slice(2 * at, 2 * at + 2), 16));
}
