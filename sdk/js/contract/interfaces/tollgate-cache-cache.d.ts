declare module 'tollgate:cache/cache@0.1.0' {
  /**
   * Look for a stored response to this request.
   * 
   * The key always holds API, scheme, authority, method and normalised path; `vary` adds whatever else tells
   * responses apart, in an order of the caller's choice. Example: `["fields=name", "accept=application/json"]`.
   * A stored response whose own `vary` header names other request values than this request's is no hit.
   */
  export function lookup(vary: Array<string>): Outcome;
  /**
   * Keep this exchange's response, as it is at this moment, for `ttl-ms` under the key that `lookup` missed.
   * 
   * The body is copied while it streams to the client; it is kept only if it arrives whole and is no larger
   * than the gateway's `cache-entry-bytes`.
   */
  export function store(ttlMs: bigint): void;
  /**
   * A value stored under `key` by the same component, or by any built-in statement for a built-in one.
   */
  export function get(key: string): Uint8Array | undefined;
  /**
   * Store a value for `ttl-ms`. Others may see it a moment later. Key at most 1,024 bytes, value 64 KiB.
   */
  export function put(key: string, value: Uint8Array, ttlMs: bigint): void;
  /**
   * Forget a value. Fine if there is none.
   */
  export function remove(key: string): void;
  /**
   * # Variants
   * 
   * ## `"hit"`
   * 
   * A stored response fits and has been put ready: answer with `respond(staged)`.
   * ## `"miss"`
   * 
   * None fits. The key is remembered for `store` in this exchange.
   */
  export type Outcome = 'hit' | 'miss';
  export type CacheError = CacheErrorNoLookup | CacheErrorNotStorable | CacheErrorTooLarge | CacheErrorOther;
  /**
   * `store` without a `lookup` that missed before it in the same exchange.
   */
  export interface CacheErrorNoLookup {
    tag: 'no-lookup',
  }
  /**
   * The response forbids it: `cache-control: no-store` or `private`, `set-cookie`, `vary: *`, or a
   * partial response (RFC 9111 §3).
   */
  export interface CacheErrorNotStorable {
    tag: 'not-storable',
  }
  /**
   * Key or value is larger than the gateway stores.
   */
  export interface CacheErrorTooLarge {
    tag: 'too-large',
  }
  /**
   * Something else, in words.
   */
  export interface CacheErrorOther {
    tag: 'other',
    val: string,
  }
}
