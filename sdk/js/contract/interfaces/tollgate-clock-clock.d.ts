declare module 'tollgate:clock/clock@0.1.0' {
  /**
   * Milliseconds since 1970-01-01T00:00:00Z on the wall clock, which may be stepped.
   */
  export function unixMs(): bigint;
  /**
   * Milliseconds since some moment before the gateway started. Never goes back.
   */
  export function monotonicMs(): bigint;
}
