;; Traps when asked whether it needs the request's body.
;;! phases: on-request body-gate
;;! manifest: {"id":"faults-trap-in-body-gate","version":"0.1.0","configuration":{},"bodies":{"on-request":{"buffer":{"max-bytes":1024}}}}
(func (export "@wants-request-body") (param i32) (result i32)
  unreachable)
(func (export "@wants-response-body") (param i32 i32) (result i32)
  unreachable)
