;; Traps in `describe`.
(func (export "@describe") (result i32)
  unreachable)
