//! Who attacks, what breaks, and what it costs others: nothing. Numbers are those of `docs/security.md`.

mod origins;
