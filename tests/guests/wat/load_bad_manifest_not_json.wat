;; Describes itself in prose.
;;! manifest: a fine policy
