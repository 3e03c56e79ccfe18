/// <reference path="./tollgate-policy-messages.d.ts" />
declare module 'tollgate:policy/verdicts@0.1.0' {
  export type Field = import('tollgate:policy/messages@0.1.0').Field;
  /**
   * A whole response, given by value.
   */
  export interface InlineReply {
    /**
     * 200–599.
     */
    status: number,
    /**
     * The reason phrase of HTTP/1.1, which HTTP/2 has no place for; none for the usual one.
     */
    reason?: string,
    /**
     * In order; a name may repeat. Framing fields (`content-length`, `transfer-encoding`, `connection`, …)
     * are the gateway's: one that is given here is left out.
     */
    headers: Array<Field>,
    /**
     * The whole body. At most the statement's `body-bytes` limit.
     */
    body: Uint8Array,
  }
  /**
   * Where the answer to the client comes from.
   */
  export type Reply = ReplyInline | ReplyStaged;
  /**
   * From the policy.
   */
  export interface ReplyInline {
    tag: 'inline',
    val: InlineReply,
  }
  /**
   * The response that a capability put ready during this very call, such as the stored response after
   * `cache.lookup` said `hit`. Its body never passes through the guest.
   * If nothing was put ready the statement has failed, and `on-failure` decides.
   */
  export interface ReplyStaged {
    tag: 'staged',
  }
  /**
   * A refusal. The client gets `{ "statusCode": status, "message": message }` as `application/json`,
   * unless an `on-error` section answers differently.
   */
  export interface Failure {
    /**
     * 400–599.
     */
    status: number,
    /**
     * A word for `last-error` and for metrics, in upper camel case. Example: `RateLimitExceeded`.
     */
    reason: string,
    /**
     * One sentence for the client. It must not tell what the client has no right to know.
     */
    message: string,
    /**
     * Further response headers. Example: `retry-after: 57`.
     */
    headers: Array<Field>,
  }
  /**
   * What happens next.
   */
  export type Verdict = VerdictNext | VerdictRespond | VerdictReject;
  /**
   * Go on with the next statement. Only now are the edits made to messages during the call applied.
   */
  export interface VerdictNext {
    tag: 'next',
  }
  /**
   * Stop and answer. Statements after this one, the origin and the outbound section are skipped, except
   * after a cache hit: there the outbound statements behind the one that stored the response still run.
   */
  export interface VerdictRespond {
    tag: 'respond',
    val: Reply,
  }
  /**
   * Stop and refuse: the `on-error` section runs, then the client gets the failure.
   */
  export interface VerdictReject {
    tag: 'reject',
    val: Failure,
  }
}
