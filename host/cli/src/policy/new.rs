//! `tollgate policy new`: a folder with a policy that builds and passes its own test.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;

use super::project::{Language, Project, check_name};
use super::sdk;

pub(super) fn new(name: &str, language: Language) -> anyhow::Result<ExitCode> {
    check_name(name)?;
    let folder = Path::new(name);
    if folder.exists() {
        bail!("{} is there already; nothing was changed", folder.display());
    }
    for (path, text) in sdk::template(language) {
        // A package's manifest under its own name would make cargo look for it in the repository.
        let path = path.strip_suffix(".template").unwrap_or(path);
        sdk::write_if_changed(&folder.join(path), &text.replace("{{name}}", name))?;
    }
    sdk::write_if_changed(&folder.join(".gitignore"), "/.tollgate/\n/build/\n/target/\n__pycache__/\n")?;
    sdk::lay(&Project::open(folder)?)?;
    writeln!(
        io::stdout(),
        "{name}: a policy in {}. Next:\n\n  tollgate policy test {name}      builds it and runs tests/*.yaml\n  \
         tollgate policy build {name}     shows what the gateway will see",
        language.name()
    )?;
    Ok(ExitCode::SUCCESS)
}
