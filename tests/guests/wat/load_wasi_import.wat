;; Imports a part of WASI 0.3, of which there is nothing.
;;! import: wasi:cli/environment@0.3.0
(import "wasi:cli/environment@0.3.0" "get-environment" (func $get-environment (param $result i32)))
(func (export "@on-request") (param $request i32) (result i32)
  (call $get-environment (i32.const 128))
  (call $drop-request (local.get $request))
  (call $next))
