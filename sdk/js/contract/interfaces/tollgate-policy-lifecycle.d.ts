declare module 'tollgate:policy/lifecycle@0.1.0' {
  /**
   * The manifest, as a JSON document (`docs/manifest.md` lists its members):
   * `id`, `version`, `summary`, `configuration` (a JSON Schema) and `bodies` (the body need of each phase).
   * 
   * - Called once when the component is loaded, on an instance of its own, before any `configure`.
   * - Must not depend on anything: every call returns the same text. At most 256 KiB.
   * - Capabilities may not be called from here; doing so traps.
   */
  export function describe(): string;
  /**
   * Take the statement's configuration: the JSON text of what the operator wrote below the statement's name.
   * 
   * - Called exactly once per instance, before any phase. The text has already been checked against the
   *   manifest's schema, so only what a schema can't express needs checking here.
   * - An `err` refuses the whole plan at load. It is never a run-time failure: the same text was
   *   accepted at load, or no instance exists.
   * - Pays from the statement's own fuel and deadline. Capabilities may not be called from here.
   */
  export function configure(config: string): void;
  /**
   * Why a configuration was refused.
   * 
   * The gateway turns it into `file:line:column: message`, so a message needs no place of its own.
   */
  export interface ConfigError {
    /**
     * JSON Pointer (RFC 6901) to the value at fault, relative to the configuration; `""` is the whole of it.
     * Example: `/addresses/2`.
     */
    pointer: string,
    /**
     * One lower-case sentence without a full stop, saying what was found and what was expected.
     */
    message: string,
  }
}
