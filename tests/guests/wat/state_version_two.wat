;; Says which version of itself it is, in the request header `x-version`.
(import "@messages" "[method]request.set-header"
  (func $set-header (param $request i32) (param i32 i32) (param i32 i32) (param $result i32)))
(data (i32.const 16384) "x-versiontwo")
(func (export "@on-request") (param $request i32) (result i32)
  (call $set-header (local.get $request)
    (i32.const 16384) (i32.const 9) (i32.const 16393) (i32.const 3) (i32.const 128))
  (call $drop-request (local.get $request))
  (call $next))
