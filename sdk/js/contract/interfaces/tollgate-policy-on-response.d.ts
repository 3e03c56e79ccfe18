/// <reference path="./tollgate-policy-messages.d.ts" />
/// <reference path="./tollgate-policy-verdicts.d.ts" />
declare module 'tollgate:policy/on-response@0.1.0' {
  /**
   * Decide on a response. Edits of `request` have no effect any more and are dropped.
   */
  export function onResponse(request: Request, response: Response): Verdict;
  export type Request = import('tollgate:policy/messages@0.1.0').Request;
  export type Response = import('tollgate:policy/messages@0.1.0').Response;
  export type Verdict = import('tollgate:policy/verdicts@0.1.0').Verdict;
}
