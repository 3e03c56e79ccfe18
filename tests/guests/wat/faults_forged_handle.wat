;; Reads a request through a handle that nobody gave it.
(import "@messages" "[method]request.path" (func $path (param $request i32) (param $result i32)))
(func (export "@on-request") (param $request i32) (result i32)
  (call $path (i32.xor (local.get $request) (i32.const 0x0badf00d)) (i32.const 128))
  (call $drop-request (local.get $request))
  (call $next))
