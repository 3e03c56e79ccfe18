//! What operators write below `rate-limit`.

use policy_limits::{Part, Parts, Rate, TellingConfig};
use tollgate_sdk::{ConfigError, configuration};

/// The limit, those of single APIs and operations, and how clients learn of them.
#[configuration]
pub struct Config {
    /// How many calls are let through in any interval of `renewal-period` seconds.
    #[schema(range(min = 1))]
    pub(crate) calls: u64,
    /// The length of the interval in seconds.
    #[schema(range(min = 1, max = 300))]
    pub(crate) renewal_period: u64,
    /// Limits of single APIs, beside that of all of them.
    #[serde(default)]
    pub(crate) apis: Vec<ApiRate>,
    /// Limits of single operations, beside that of all of them.
    #[serde(default)]
    pub(crate) operations: Vec<OperationRate>,
    #[serde(flatten)]
    pub(crate) telling: TellingConfig,
}

/// The limit of one API.
#[configuration]
pub(crate) struct ApiRate {
    /// The API's id.
    #[serde(default)]
    id: Option<String>,
    /// The same, if there is no `id`.
    #[serde(default)]
    name: Option<String>,
    /// How many calls of the API are let through in any interval of `renewal-period` seconds.
    #[schema(range(min = 1))]
    calls: u64,
    /// The length of the interval in seconds.
    #[schema(range(min = 1, max = 300))]
    renewal_period: u64,
    /// Limits of single operations of the API, beside that of all of them.
    #[serde(default)]
    operations: Vec<OperationRate>,
}

/// The limit of one operation.
#[configuration]
pub(crate) struct OperationRate {
    /// The operation's id.
    #[serde(default)]
    id: Option<String>,
    /// The same, if there is no `id`.
    #[serde(default)]
    name: Option<String>,
    /// How many calls of the operation are let through in any interval of `renewal-period` seconds.
    #[schema(range(min = 1))]
    calls: u64,
    /// The length of the interval in seconds.
    #[schema(range(min = 1, max = 300))]
    renewal_period: u64,
}

/// The limits below the statement's own.
pub(crate) fn parts(apis: Vec<ApiRate>, operations: Vec<OperationRate>) -> Result<Parts<Rate>, ConfigError> {
    let api = |(index, api): (usize, ApiRate)| {
        let below = |error: ConfigError| ConfigError::new(format!("/apis/{index}{}", error.pointer), error.message);
        let operations = of_operations(api.operations).map_err(below)?;
        let rate = Rate { calls: api.calls, period: api.renewal_period };
        Part::new(api.id, api.name, rate, operations).map_err(below)
    };
    Parts::new(apis.into_iter().enumerate().map(api).collect::<Result<_, _>>()?, of_operations(operations)?)
}

fn of_operations(operations: Vec<OperationRate>) -> Result<Vec<Part<Rate>>, ConfigError> {
    let operation = |(index, operation): (usize, OperationRate)| {
        let rate = Rate { calls: operation.calls, period: operation.renewal_period };
        Part::new(operation.id, operation.name, rate, Vec::new())
            .map_err(|error| ConfigError::new(format!("/operations/{index}{}", error.pointer), error.message))
    };
    operations.into_iter().enumerate().map(operation).collect()
}
