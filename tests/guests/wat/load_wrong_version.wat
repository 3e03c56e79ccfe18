;; Speaks version 0.2.0 of the contract.
;;! contract: 0.2.0
