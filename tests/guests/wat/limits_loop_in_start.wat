;; Loops for ever while the instance is made.
(func $start
  (loop $for-ever (br $for-ever)))
(start $start)
