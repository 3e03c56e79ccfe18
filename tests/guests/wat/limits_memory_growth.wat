;; Grows its memory until that is refused, then traps.
(func $grow
  (loop $more
    (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
  unreachable)
(func (export "@on-request") (param $request i32) (result i32)
  (call $grow)
  (call $next))
