;; Imports the limiter, which needs a grant; with it, goes on whatever the limiter says.
(import "@limiter" "acquire"
  (func $acquire (param $sharing i32) (param i32 i32) (param $max i32) (param $result i32)))
(data (i32.const 16384) "key")
(func (export "@on-request") (param $request i32) (result i32)
  (call $acquire (i32.const 0) (i32.const 16384) (i32.const 3) (i32.const 1) (i32.const 128))
  (call $drop-request (local.get $request))
  (call $next))
