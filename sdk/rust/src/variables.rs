//! Values that statements pass to later statements of the same exchange: JSON, typed by serde.

use crate::bindings::imports::tollgate::policy::variables as wit;
use crate::host::variables as host;
use crate::verdict::Verdict;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why a variable was not set.
pub use wit::VariableError;

/// A variable; none if it was never set or doesn't have this type.
pub fn get<T: DeserializeOwned>(name: &str) -> Option<T> {
    serde_json::from_str(&host::get(name)?).ok()
}

/// A variable as JSON text; none if it was never set. Example: `"gold"` with its quotes.
pub fn get_json(name: &str) -> Option<String> {
    host::get(name)
}

/// Set a variable. Later statements see it after every verdict; a call that fails sets nothing.
pub fn set(name: &str, value: &(impl Serialize + ?Sized)) -> Result<(), VariableError> {
    let json = serde_json::to_string(value).map_err(|error| VariableError::Other(error.to_string()))?;
    host::set(name, &json)
}

/// Set a variable to a JSON text.
pub fn set_json(name: &str, json: &str) -> Result<(), VariableError> {
    host::set(name, json)
}

impl From<VariableError> for Verdict {
    fn from(error: VariableError) -> Self {
        Verdict::Fail(format!("a variable can't be set: {error:?}"))
    }
}
