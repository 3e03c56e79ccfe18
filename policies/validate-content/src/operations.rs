//! What an operation's bodies may be.

use policy_validation::definition::{Operation, Representation};
use policy_validation::{Adjustment, Schema, essence};
use std::cell::RefCell;
use std::rc::Rc;
use tollgate_sdk::serde_json::Value;

/// The bodies of an operation.
#[derive(Debug)]
pub(crate) struct Bodies {
    pub(crate) request: Vec<Form>,
    responses: Vec<(u16, Vec<Form>)>,
}

/// A body of one media type.
#[derive(Debug)]
pub(crate) struct Form {
    /// As `essence` writes it.
    pub(crate) content_type: String,
    schema: Option<Value>,
    /// Compiled when it is first asked for, once for each way to read it.
    compiled: RefCell<Vec<(Adjustment, Compiled)>>,
}

/// A schema, or why it is none.
pub(crate) type Compiled = Rc<Result<Schema, String>>;

impl Bodies {
    pub(crate) fn of(operation: &Operation) -> Self {
        let forms = |all: &[Representation]| all.iter().map(Form::of).collect();
        Self {
            request: forms(&operation.request.representations),
            responses: operation.responses.iter().map(|one| (one.status, forms(&one.representations))).collect(),
        }
    }

    /// The bodies of a response with this status.
    pub(crate) fn response(&self, status: u16) -> &[Form] {
        self.responses.iter().find(|(known, _)| *known == status).map_or(&[], |(_, forms)| forms)
    }
}

impl Form {
    fn of(written: &Representation) -> Self {
        let content_type = essence(&written.content_type);
        Self { content_type, schema: written.schema.clone(), compiled: RefCell::default() }
    }

    /// Its schema, if it has one.
    pub(crate) fn schema(&self, adjustment: Adjustment) -> Option<Compiled> {
        let schema = self.schema.as_ref()?;
        let mut compiled = self.compiled.borrow_mut();
        if let Some((_, known)) = compiled.iter().find(|(known, _)| *known == adjustment) {
            return Some(Rc::clone(known));
        }
        let made = Rc::new(Schema::adjusted(schema, adjustment));
        compiled.push((adjustment, Rc::clone(&made)));
        Some(made)
    }
}
