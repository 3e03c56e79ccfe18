//! What is wrong with a body.

use crate::config::Form;
use policy_validation::{Rule, Schema};
use tollgate_sdk::serde_json::{self, Value};
use tollgate_xml::{Event, Fault, Reader, decode};

/// What is wrong: which rule was broken, and how, as it goes on after "Body of the … ".
pub(crate) type Wrong = (Rule, String);

/// Look at a body. `schema` counts for JSON.
pub(crate) fn wrongs(body: &[u8], form: Form, schema: Option<&Result<Schema, String>>) -> Vec<Wrong> {
    match form {
        Form::Xml => match read_xml(body) {
            Ok(()) => Vec::new(),
            Err(fault) => vec![(Rule::IncorrectMessage, format!("is no well-formed XML: {fault}"))],
        },
        Form::Json => of_json(body, schema),
    }
}

fn of_json(body: &[u8], schema: Option<&Result<Schema, String>>) -> Vec<Wrong> {
    let schema = match schema {
        Some(Err(why)) => return vec![(Rule::ValidationException, format!("cannot be validated: {why}"))],
        Some(Ok(schema)) => Some(schema),
        None => None,
    };
    let text = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    match serde_json::from_slice::<Value>(text) {
        Err(error) => vec![(Rule::IncorrectMessage, format!("is no JSON: {error}"))],
        Ok(value) => {
            let faults = schema.map(|schema| schema.faults(&value)).unwrap_or_default().into_iter();
            faults
                .map(|fault| (Rule::IncorrectMessage, format!("does not conform to the definition: {fault}")))
                .collect()
        }
    }
}

fn read_xml(body: &[u8]) -> Result<(), Fault> {
    let document = decode(body)?;
    let mut reader = Reader::new(&document)?;
    while reader.read()? != Event::Eof {}
    Ok(())
}
