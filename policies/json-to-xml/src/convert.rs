//! A JSON body, as XML.

use tollgate_xml::{Fault, Output};

use crate::config::Config;
use crate::tape::Tape;
use crate::xml;

/// Convert a body. Takes time and memory in proportion to its size, whatever it holds.
pub(crate) fn convert(body: &[u8], config: &Config) -> Result<Vec<u8>, Fault> {
    let tape = Tape::read(body)?;
    xml::write(&tape, config, Output::for_input(body.len()))?.finish()
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
