//! What hostile clients, origins and guests try, by the numbers of `docs/security.md`.

mod cache;
