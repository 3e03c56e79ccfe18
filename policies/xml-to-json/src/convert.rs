//! An XML body, as JSON.

use tollgate_xml::{Fault, Output, decode};

use crate::config::Config;
use crate::json;
use crate::tree::Tree;

/// Convert a body. Takes time and memory in proportion to its size, whatever it holds.
pub(crate) fn convert(body: &[u8], config: &Config) -> Result<Vec<u8>, Fault> {
    let document = decode(body)?;
    let tree = Tree::read(&document, config)?;
    json::write(&tree, &document, config, Output::for_input(body.len())).finish()
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
