//! What operators write below `quota`.

use policy_limits::{Increment, Part, Parts, Quota, QuotaLimit};
use tollgate_sdk::{ConfigError, configuration};

/// The quota, and those of single APIs and operations.
#[configuration]
pub struct Config {
    #[serde(flatten)]
    pub(crate) quota: Quota,
    /// Quotas of single APIs, beside that of all of them.
    #[serde(default)]
    pub(crate) apis: Vec<ApiQuota>,
    /// Quotas of single operations, beside that of all of them.
    #[serde(default)]
    pub(crate) operations: Vec<OperationQuota>,
}

/// The quota of one API.
#[configuration]
pub(crate) struct ApiQuota {
    /// The API's id.
    #[serde(default)]
    id: Option<String>,
    /// The same, if there is no `id`.
    #[serde(default)]
    name: Option<String>,
    #[serde(flatten)]
    quota: Quota,
    /// Quotas of single operations of the API, beside that of all of them.
    #[serde(default)]
    operations: Vec<OperationQuota>,
}

/// The quota of one operation.
#[configuration]
pub(crate) struct OperationQuota {
    /// The operation's id.
    #[serde(default)]
    id: Option<String>,
    /// The same, if there is no `id`.
    #[serde(default)]
    name: Option<String>,
    #[serde(flatten)]
    quota: Quota,
}

/// The quotas below the statement's own.
pub(crate) fn parts(apis: Vec<ApiQuota>, operations: Vec<OperationQuota>) -> Result<Parts<QuotaLimit>, ConfigError> {
    let api = |(index, api): (usize, ApiQuota)| {
        let below = |error: ConfigError| ConfigError::new(format!("/apis/{index}{}", error.pointer), error.message);
        let operations = of_operations(api.operations).map_err(below)?;
        let limit = QuotaLimit::new(api.quota, Increment::ONE).map_err(below)?;
        Part::new(api.id, api.name, limit, operations).map_err(below)
    };
    Parts::new(apis.into_iter().enumerate().map(api).collect::<Result<_, _>>()?, of_operations(operations)?)
}

fn of_operations(operations: Vec<OperationQuota>) -> Result<Vec<Part<QuotaLimit>>, ConfigError> {
    let operation = |(index, operation): (usize, OperationQuota)| {
        let below =
            |error: ConfigError| ConfigError::new(format!("/operations/{index}{}", error.pointer), error.message);
        let limit = QuotaLimit::new(operation.quota, Increment::ONE).map_err(below)?;
        Part::new(operation.id, operation.name, limit, Vec::new()).map_err(below)
    };
    operations.into_iter().enumerate().map(operation).collect()
}
