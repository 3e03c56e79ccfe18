//! Other files in the same YAML, such as those of policy authors.

use std::path::Path;

use serde_json::Value;

use crate::diagnostics::Diagnostics;
use crate::yaml;

/// Read a file that isn't the gateway's document, such as a policy's tests, with the same strictness; `${env:…}` isn't
/// filled in. Expressions may stand below keys named `configuration`, and stay the texts that they are.
pub fn plain(file: &Path, text: &str) -> Result<Value, Diagnostics> {
    let mut diagnostics = Diagnostics::new(file);
    let value = yaml::parse(text, &|_| None, &mut diagnostics).map(|root| root.to_json(&mut diagnostics));
    match value {
        Some(value) if diagnostics.is_empty() => Ok(value),
        _ => Err(diagnostics),
    }
}
