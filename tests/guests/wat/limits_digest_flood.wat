;; Has the host verify the signature of a message of 8 MiB, over and over: much work for little fuel.
(import "@crypto" "verify"
  (func $verify (param i32) (param i32 i32 i32 i32 i32) (param i32 i32) (param i32 i32) (param $result i32)))
(memory (export "memory") 200)
(data (i32.const 16384) "secret")
(func (export "@on-request") (param $request i32) (result i32)
  (loop $for-ever
    (call $verify (i32.const 9)
      (i32.const 4) (i32.const 16384) (i32.const 6) (i32.const 0) (i32.const 0)
      (i32.const 65536) (i32.const 8388608) (i32.const 16384) (i32.const 6) (i32.const 128))
    (br $for-ever))
  unreachable)
