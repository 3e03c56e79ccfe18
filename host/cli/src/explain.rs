//! `tollgate explain`: the route of a request and its effective chain.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::{BAD_INPUT, load, log};

pub(crate) fn explain(file: &Path, method: &str, path: &str, key: Option<&str>) -> anyhow::Result<ExitCode> {
    let text = match load::read(file) {
        Ok(text) => text,
        Err(error) => {
            log::say_error(&error);
            return Ok(ExitCode::from(BAD_INPUT));
        }
    };
    let Ok(method) = method.to_ascii_uppercase().parse() else {
        log::say_error(&anyhow::anyhow!("{method:?} is no method"));
        return Ok(ExitCode::from(BAD_INPUT));
    };
    let builder = load::builder(load::runtime_for_checking()?);
    let plan = match load::plan(&builder, file, &text) {
        Ok((_, plan)) => plan,
        Err(diagnostics) => {
            load::say(&diagnostics);
            return Ok(ExitCode::from(BAD_INPUT));
        }
    };
    match plan.explain(&method, path, key) {
        Ok(text) => {
            io::stdout().write_all(text.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(unroutable) => {
            log::say_error(&anyhow::anyhow!("{method} {path}: {unroutable}"));
            Ok(ExitCode::FAILURE)
        }
    }
}
