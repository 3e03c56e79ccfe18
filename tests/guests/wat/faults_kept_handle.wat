;; Drops its request as it should, and reads the next one through the handle of the first.
(import "@messages" "[method]request.path" (func $path (param $request i32) (param $result i32)))
(global $first (mut i32) (i32.const 0))
(func (export "@on-request") (param $request i32) (result i32)
  (call $drop-request (local.get $request))
  (if (global.get $first)
    (then (call $path (global.get $first) (i32.const 128))))
  (global.set $first (local.get $request))
  (call $next))
