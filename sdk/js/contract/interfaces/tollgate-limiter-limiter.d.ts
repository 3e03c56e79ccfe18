declare module 'tollgate:limiter/limiter@0.1.0' {
  /**
   * Admit `cost` under `rule`, or refuse, in one atomic step.
   * 
   * A counter takes on the rule it is used with: using one key with two rules makes two counters.
   */
  export function admit(counter: Counter, cost: bigint, rule: Rule): Decision;
  /**
   * Look whether `cost` could be admitted now, and count nothing. At the end of the outbound section, or as soon as
   * the response of an exchange that ends earlier is known, the gateway evaluates `condition` (true if there is none) and `count` (`cost` if there is none), expressions of the statement's
   * configuration (`tollgate:expression`), and counts then, whether the limit is passed by it or not.
   * 
   * Without expressions the exchange counts at its end in any case.
   */
  export function admitLater(counter: Counter, cost: bigint, rule: Rule, condition: number | undefined, count: number | undefined): Decision;
  /**
   * Admit `cost` calls under `quota`, or refuse.
   * 
   * - An admitted exchange's body bytes, both ways, are counted by the gateway when the exchange ends; so a
   *   quota of bytes can be passed by the exchanges that are under way when it is reached.
   * - One exchange counts once per counter, however many statements name it.
   * - Counts reach the disk in batches, at most 100 ms late; or, if the document says `state: { durable: strict }`,
   *   before the request goes on.
   */
  export function admitQuota(counter: Counter, cost: bigint, quota: Quota): QuotaDecision;
  /**
   * Like `admit-quota`, but counts at the end of the outbound section, as `admit-later` does.
   */
  export function admitQuotaLater(counter: Counter, cost: bigint, quota: Quota, condition: number | undefined, count: number | undefined): QuotaDecision;
  /**
   * Take one of `max` permits; false if all are taken. The gateway gives it back when the exchange ends,
   * whatever way it ends. Never waits.
   */
  export function acquire(counter: Counter, max: number): boolean;
  /**
   * Who shares a counter.
   * # Variants
   * 
   * ## `"statement"`
   * 
   * This statement, at this place in the document, alone.
   * ## `"gateway"`
   * 
   * Every statement of the same component, wherever it stands in the document.
   */
  export type Sharing = 'statement' | 'gateway';
  /**
   * Names a counter. Two calls with the same key and sharing meet the same counter.
   */
  export interface Counter {
    sharing: Sharing,
    /**
     * At most 1,024 bytes. Example: `192.0.2.7`.
     */
    key: string,
  }
  /**
   * At most `calls` in every interval of `period-ms`, wherever the interval begins.
   * 
   * Kept as at most 65 time stamps a key: above 64 calls neighbouring calls share a stamp, which lies so
   * that the limit is never passed; capacity may come back up to `period-ms / 64` late.
   */
  export interface SlidingWindow {
    calls: bigint,
    periodMs: bigint,
  }
  /**
   * Holds `capacity` tokens, full at first; `refill` tokens come back every `period-ms`, evenly.
   */
  export interface TokenBucket {
    capacity: bigint,
    refill: bigint,
    periodMs: bigint,
  }
  /**
   * At most `calls` in each period. Periods follow one another from `anchor-unix-ms` on the wall clock.
   */
  export interface FixedWindow {
    calls: bigint,
    periodMs: bigint,
    anchorUnixMs: bigint,
  }
  export type Rule = RuleSlidingWindow | RuleTokenBucket | RuleFixedWindow;
  export interface RuleSlidingWindow {
    tag: 'sliding-window',
    val: SlidingWindow,
  }
  export interface RuleTokenBucket {
    tag: 'token-bucket',
    val: TokenBucket,
  }
  export interface RuleFixedWindow {
    tag: 'fixed-window',
    val: FixedWindow,
  }
  /**
   * What `admit` decided, all of one moment.
   */
  export interface Decision {
    /**
     * True: the cost has been counted. False: nothing has been counted.
     */
    admitted: boolean,
    /**
     * What may still be spent now.
     */
    remaining: bigint,
    /**
     * How long to wait until the same cost can be admitted; 0 if it was.
     */
    retryAfterMs: bigint,
  }
  export type LimiterError = LimiterErrorInvalid | LimiterErrorCapacity | LimiterErrorOther;
  /**
   * The key is longer than 1,024 bytes, or a period or limit of the rule is 0.
   */
  export interface LimiterErrorInvalid {
    tag: 'invalid',
    val: string,
  }
  /**
   * The gateway's memory for counters is full of keys that are at their limit.
   */
  export interface LimiterErrorCapacity {
    tag: 'capacity',
  }
  /**
   * Something else, in words.
   */
  export interface LimiterErrorOther {
    tag: 'other',
    val: string,
  }
  /**
   * A budget that outlives the process.
   */
  export interface Quota {
    /**
     * Calls in a period; none for no limit on calls.
     */
    calls?: bigint,
    /**
     * Bytes of request and response bodies in a period; none for no limit on bytes.
     */
    bytes?: bigint,
    /**
     * 0: the budget never renews.
     */
    periodMs: bigint,
    /**
     * Where periods begin, in milliseconds since 1970-01-01T00:00:00Z.
     */
    anchorUnixMs: bigint,
  }
  /**
   * Which part of a quota is used up.
   * # Variants
   * 
   * ## `"calls"`
   * 
   * ## `"bytes"`
   */
  export type Exhausted = 'calls' | 'bytes';
  export interface QuotaDecision {
    /**
     * None: admitted, and `cost` calls have been counted.
     */
    exhausted?: Exhausted,
    /**
     * Calls left in the period, if there is a limit on calls.
     */
    remainingCalls?: bigint,
    /**
     * Bytes left in the period, if there is a limit on bytes.
     */
    remainingBytes?: bigint,
    /**
     * Until the period ends; none if it never does.
     */
    renewsInMs?: bigint,
  }
}
