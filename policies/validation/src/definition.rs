//! What the document says of an operation: `context.operation-definition`, read.

use std::cell::RefCell;
use std::rc::Rc;
use tollgate_sdk::context;
use tollgate_sdk::serde::Deserialize;
use tollgate_sdk::serde_json::{self, Value};

/// Operations that an instance remembers.
const REMEMBERED: usize = 32;

/// An operation. What the document doesn't say is empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(crate = "tollgate_sdk::serde", default)]
pub struct Operation {
    /// What a request may carry besides its body.
    pub parameters: Parameters,
    /// What a request's body may be.
    pub request: Body,
    /// What is answered.
    pub responses: Vec<Response>,
}

/// Parameters by where they stand.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(crate = "tollgate_sdk::serde", default)]
pub struct Parameters {
    /// In the URL's template.
    pub path: Vec<Parameter>,
    /// In the query.
    pub query: Vec<Parameter>,
    /// Headers.
    pub header: Vec<Parameter>,
}

/// A parameter or header.
#[derive(Clone, Debug, Deserialize)]
#[serde(crate = "tollgate_sdk::serde")]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Whether it has to be there.
    #[serde(default)]
    pub required: bool,
    /// What its value looks like.
    #[serde(default)]
    pub schema: Option<Value>,
}

/// A body, in one of several forms.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(crate = "tollgate_sdk::serde", default)]
pub struct Body {
    /// The forms.
    pub representations: Vec<Representation>,
}

/// A form of a body.
#[derive(Clone, Debug, Deserialize)]
#[serde(crate = "tollgate_sdk::serde", rename_all = "kebab-case")]
pub struct Representation {
    /// Its media type. Example: `application/json`.
    pub content_type: String,
    /// What it looks like.
    #[serde(default)]
    pub schema: Option<Value>,
}

/// A response.
#[derive(Clone, Debug, Deserialize)]
#[serde(crate = "tollgate_sdk::serde")]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its headers.
    #[serde(default)]
    pub headers: Vec<Parameter>,
    /// Its body.
    #[serde(default)]
    pub representations: Vec<Representation>,
}

/// What is made of an operation once, and kept for the requests that follow.
#[derive(Debug)]
pub struct PerOperation<T> {
    known: RefCell<Vec<(String, Rc<T>)>>,
}

impl<T> Default for PerOperation<T> {
    fn default() -> Self {
        Self { known: RefCell::new(Vec::new()) }
    }
}

impl<T> PerOperation<T> {
    /// What is made of the operation that was matched; of an empty one in an API without operations, and if the text
    /// can't be read.
    pub fn get(&self, make: impl FnOnce(&Operation) -> T) -> Rc<T> {
        let text = context::operation_definition().unwrap_or_default();
        let known = self.known.borrow().iter().find(|(known, _)| *known == text).map(|(_, made)| Rc::clone(made));
        known.unwrap_or_else(|| {
            let made = Rc::new(make(&serde_json::from_str(&text).unwrap_or_default()));
            let mut known = self.known.borrow_mut();
            if known.len() >= REMEMBERED {
                known.remove(0);
            }
            known.push((text, Rc::clone(&made)));
            made
        })
    }
}
