;; Spends its fuel on reads that miss every cache: much time for little fuel.
(memory (export "memory") 480)
(func (export "@on-request") (param $request i32) (result i32)
  (local $at i32)
  (loop $for-ever
    (local.set $at
      (i32.and
        (i32.add (i32.mul (local.get $at) (i32.const 1664525)) (i32.const 1013904223))
        (i32.const 0x01bfffc0)))
    (local.set $at (i32.add (local.get $at) (i32.load (i32.add (local.get $at) (i32.const 131072)))))
    (br $for-ever))
  unreachable)
