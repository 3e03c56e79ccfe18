;; Declares 4 GiB of memory from the beginning.
(memory (export "memory") 65536)
