;; Has a memory beside its own.
(memory (export "memory") 2)
(memory $other 1)
(func (export "@on-request") (param $request i32) (result i32)
  (drop (memory.grow $other (i32.const 1)))
  (call $drop-request (local.get $request))
  (call $next))
