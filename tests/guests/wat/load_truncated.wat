;;! verbatim: truncated
;; The first half of a sound component.
