//! `tollgate check`: everything that `run` would check, and every error with its place.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::{BAD_INPUT, load, log};

pub(crate) fn check(file: &Path) -> anyhow::Result<ExitCode> {
    let text = match load::read(file) {
        Ok(text) => text,
        Err(error) => {
            log::say_error(&error);
            return Ok(ExitCode::from(BAD_INPUT));
        }
    };
    let builder = load::builder(load::runtime_for_checking()?);
    match load::plan(&builder, file, &text) {
        Ok((document, plan)) => {
            let (apis, statements) = (plan.apis(), plan.statements());
            let subscriptions = document.subscriptions.len();
            writeln!(
                io::stdout(),
                "{}: good ({apis} APIs, {statements} statements, {subscriptions} subscriptions)",
                file.display()
            )?;
            Ok(ExitCode::SUCCESS)
        }
        Err(diagnostics) => {
            load::say(&diagnostics);
            Ok(ExitCode::from(BAD_INPUT))
        }
    }
}
