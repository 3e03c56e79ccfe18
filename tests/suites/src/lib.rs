//! The suites are in `tests/`: they run the real binary, and nothing else is here.
