;; Has a need of the body that nobody has heard of.
;;! manifest: {"id":"load-bad-manifest-unknown-body","version":"0.1.0","bodies":{"on-request":"telepathy"}}
