//! Attacks and faults, one test for each numbered row of the list in `docs/security.md`.

mod cache;
mod guests;
