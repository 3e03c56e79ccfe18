;; Reads the request after it has dropped its handle.
(import "@messages" "[method]request.path" (func $path (param $request i32) (param $result i32)))
(func (export "@on-request") (param $request i32) (result i32)
  (call $drop-request (local.get $request))
  (call $path (local.get $request) (i32.const 128))
  (call $next))
