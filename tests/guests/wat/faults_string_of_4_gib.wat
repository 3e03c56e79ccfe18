;; Asks for a header whose name is said to have 2³²-1 bytes.
(import "@messages" "[method]request.header"
  (func $header (param $request i32) (param i32 i32) (param $result i32)))
(func (export "@on-request") (param $request i32) (result i32)
  (call $header (local.get $request) (i32.const 1) (i32.const -1) (i32.const 128))
  (call $drop-request (local.get $request))
  (call $next))
