;; Traps if the request has the header `x-trap`, and lets every other request pass.
(import "@messages" "[method]request.header"
  (func $header (param $request i32) (param i32 i32) (param $result i32)))
(data (i32.const 16384) "x-trap")
(func (export "@on-request") (param $request i32) (result i32)
  (call $header (local.get $request) (i32.const 16384) (i32.const 6) (i32.const 128))
  (if (i32.load8_u (i32.const 128)) (then unreachable))
  (call $drop-request (local.get $request))
  (call $next))
