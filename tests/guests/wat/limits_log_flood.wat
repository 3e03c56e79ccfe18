;; Writes a gibibyte into the log, in lines of 64 KiB, and goes on.
(import "@log" "write" (func $write (param $level i32) (param i32 i32)))
(memory (export "memory") 3)
(func (export "@on-request") (param $request i32) (result i32)
  (local $left i32)
  (memory.fill (i32.const 65536) (i32.const 0x78) (i32.const 65536))
  (local.set $left (i32.const 16384))
  (loop $more
    (call $write (i32.const 3) (i32.const 65536) (i32.const 65536))
    (local.set $left (i32.sub (local.get $left) (i32.const 1)))
    (br_if $more (local.get $left)))
  (call $drop-request (local.get $request))
  (call $next))
