declare module 'tollgate:expression/expression@0.1.0' {
  /**
   * Compute an expression of this statement's configuration on the exchange as it is before this call's edits.
   */
  export function evaluate(expression: number): Value;
  /**
   * What an expression gave.
   */
  export type Value = ValueNull | ValueBoolean | ValueInteger | ValueNumber | ValueText | ValueBytes | ValueJson;
  export interface ValueNull {
    tag: 'null',
  }
  export interface ValueBoolean {
    tag: 'boolean',
    val: boolean,
  }
  export interface ValueInteger {
    tag: 'integer',
    val: bigint,
  }
  export interface ValueNumber {
    tag: 'number',
    val: number,
  }
  export interface ValueText {
    tag: 'text',
    val: string,
  }
  export interface ValueBytes {
    tag: 'bytes',
    val: Uint8Array,
  }
  /**
   * A list or a map, as JSON text.
   */
  export interface ValueJson {
    tag: 'json',
    val: string,
  }
  export type ExpressionError = ExpressionErrorUnknown | ExpressionErrorFailed | ExpressionErrorOther;
  /**
   * The configuration of this statement has no expression with this number.
   */
  export interface ExpressionErrorUnknown {
    tag: 'unknown',
  }
  /**
   * It failed. The gateway has logged the expression, its place and the reason, and tells `on-error` of them;
   * a guest that gives up answers `reject` with status 500 and the reason `ExpressionValueEvaluationFailure`.
   */
  export interface ExpressionErrorFailed {
    tag: 'failed',
  }
  /**
   * Something else, in words.
   */
  export interface ExpressionErrorOther {
    tag: 'other',
    val: string,
  }
}
