//! What counts, and what loads.

use super::process::system;
use crate::debian;
use crate::step::Steps;
use anyhow::Result;

/// Programs and Debian's packages of them.
const COUNT: [(&str, &str); 2] = [("valgrind", "valgrind"), ("vgdb", "valgrind")];
const LOAD: [(&str, &str); 4] =
    [("nginx", "nginx-light"), ("wrk", "wrk"), ("h2load", "nghttp2-client"), ("openssl", "openssl")];

/// Install what counts instructions, if it isn't there.
pub(crate) fn ensure(steps: &mut Steps) -> Result<()> {
    install(steps, "valgrind", &COUNT)
}

/// Install origin and load, if they aren't there.
pub(crate) fn ensure_load(steps: &mut Steps) -> Result<()> {
    install(steps, "load", &LOAD)
}

fn install(steps: &mut Steps, step: &'static str, programs: &[(&str, &'static str)]) -> Result<()> {
    steps.run(step, || {
        let is_missing = |program: &str| !debian::on_path(program) && !system(program).is_file();
        let mut missing: Vec<&str> =
            programs.iter().filter(|(program, _)| is_missing(program)).map(|&(_, package)| package).collect();
        missing.dedup();
        if missing.is_empty() {
            let there: Vec<&str> = programs.iter().map(|&(program, _)| program).collect();
            return Ok(((), format!("{} are there", there.join(", "))));
        }
        debian::install(step, &missing)?;
        Ok(((), format!("installed {}", missing.join(", "))))
    })
}
