;; Grows its memory in `configure` until that is refused, then traps.
(func $grow
  (loop $more
    (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
  unreachable)
(func (export "@configure") (param i32 i32) (result i32)
  (call $grow)
  (i32.const 32))
