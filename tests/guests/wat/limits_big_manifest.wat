;; Returns a manifest of 1 MiB.
(memory (export "memory") 18)
(func (export "@describe") (result i32)
  (memory.fill (i32.const 65536) (i32.const 0x20) (i32.const 1048576))
  (i32.store (i32.const 16) (i32.const 65536))
  (i32.store (i32.const 20) (i32.const 1048576))
  (i32.const 16))
