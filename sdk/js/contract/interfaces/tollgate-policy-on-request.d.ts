/// <reference path="./tollgate-policy-messages.d.ts" />
/// <reference path="./tollgate-policy-verdicts.d.ts" />
declare module 'tollgate:policy/on-request@0.1.0' {
  /**
   * Decide on a request. `request` is valid during the call only.
   */
  export function onRequest(request: Request): Verdict;
  export type Request = import('tollgate:policy/messages@0.1.0').Request;
  export type Verdict = import('tollgate:policy/verdicts@0.1.0').Verdict;
}
