;; Traps while the instance is made.
(func $trap unreachable)
(start $trap)
