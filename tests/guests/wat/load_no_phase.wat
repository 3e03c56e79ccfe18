;; Exports `lifecycle` and no phase.
;;! phases: none
