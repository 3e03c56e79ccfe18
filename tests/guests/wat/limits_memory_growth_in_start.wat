;; Grows its memory while the instance is made, until that is refused, then traps.
(func $grow
  (loop $more
    (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
  unreachable)
(start $grow)
