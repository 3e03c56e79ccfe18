;; Describes itself without an id.
;;! manifest: {"version":"0.1.0","summary":"who am I?"}
