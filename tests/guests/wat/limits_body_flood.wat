;; Asks for the body over and over, always into the same place: much copying for little fuel.
;;! manifest: {"id":"limits-body-flood","version":"0.1.0","summary":"Asks for the body","bodies":{"on-request":{"buffer":{"max-bytes":16777216}}},"configuration":{}}
(import "@messages" "[method]request.body" (func $body (param $request i32) (param $result i32)))
(memory (export "memory") 300)
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (i32.const 65536))
(func (export "@on-request") (param $request i32) (result i32)
  (loop $for-ever
    (call $body (local.get $request) (i32.const 128))
    (br $for-ever))
  unreachable)
