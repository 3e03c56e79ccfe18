/// <reference path="./tollgate-policy-messages.d.ts" />
/// <reference path="./tollgate-policy-verdicts.d.ts" />
declare module 'tollgate:policy/on-error@0.1.0' {
  /**
   * Look at the failure and edit `response`, which already holds the failing status, or answer otherwise.
   * `reject` replaces the failure; a failure inside this section ends it.
   */
  export function onError(request: Request, response: Response, error: LastError): Verdict;
  export type Request = import('tollgate:policy/messages@0.1.0').Request;
  export type Response = import('tollgate:policy/messages@0.1.0').Response;
  export type Verdict = import('tollgate:policy/verdicts@0.1.0').Verdict;
  /**
   * What went wrong. The values of `reason` are words; see `docs/configuration.md`.
   */
  export interface LastError {
    /**
     * Who raised it: a statement's name, or a step of the gateway (`forward-request`).
     */
    source: string,
    /**
     * Example: `RateLimitExceeded`.
     */
    reason: string,
    /**
     * The sentence that the client is about to get.
     */
    message: string,
    /**
     * The statement's `id`, or its place in the document; none for a step of the gateway.
     */
    statementId?: string,
  }
}
