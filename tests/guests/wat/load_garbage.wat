;;! verbatim: bytes
Not WebAssembly at all.
