declare module 'tollgate:metrics/metrics@0.1.0' {
  /**
   * Add to a counter. It appears as `tollgate_policy_<name>_total` with the label `component`.
   */
  export function count(name: string, value: number, labels: Array<Label>): void;
  /**
   * One label of a series.
   */
  export interface Label {
    /**
     * `[a-z_][a-z0-9_]*`, at most 64 bytes.
     */
    name: string,
    /**
     * At most 128 bytes.
     */
    value: string,
  }
  export type MetricError = MetricErrorInvalid | MetricErrorTooManySeries | MetricErrorOther;
  /**
   * A name doesn't have the form above, there are more than 10 labels, or the value is negative or not finite.
   */
  export interface MetricErrorInvalid {
    tag: 'invalid',
    val: string,
  }
  /**
   * The component owns 100 series already.
   */
  export interface MetricErrorTooManySeries {
    tag: 'too-many-series',
  }
  /**
   * Something else, in words.
   */
  export interface MetricErrorOther {
    tag: 'other',
    val: string,
  }
}
