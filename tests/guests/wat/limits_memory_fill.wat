;; Fills 16 MiB of memory over and over: much work for one instruction.
(memory (export "memory") 258)
(func (export "@on-request") (param $request i32) (result i32)
  (loop $for-ever
    (memory.fill (i32.const 65536) (i32.const 0x55) (i32.const 16777216))
    (br $for-ever))
  unreachable)
