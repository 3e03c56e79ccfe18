//! What an expression can ask the gateway for.

use crate::value::Value;

/// Answers what expressions name. Every question is asked when its answer is needed, and only then.
pub trait Context {
    /// A single fact; null where there is none.
    fn fact(&self, fact: Fact) -> Value;

    /// The entry of a table under `key`, if it has one. Names of headers are compared without regard to case.
    fn entry(&self, table: Table, key: &str) -> Option<Value>;

    /// How many bytes are looked through to find one entry of a table; 0 where it is found at once.
    fn scanned(&self, _table: Table) -> usize {
        0
    }

    /// All of a table as a map. Asked for only when an expression uses the table itself as a value.
    fn table(&self, table: Table) -> Value;

    /// Whether there is such an object: `response == null` and the like.
    fn has(&self, object: Object) -> bool;
}

/// A single fact. Text if nothing else is said; any of them may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fact {
    /// `request.method`.
    RequestMethod,
    /// `request.scheme`.
    RequestScheme,
    /// `request.host`.
    RequestHost,
    /// `request.port`, an int.
    RequestPort,
    /// `request.path`.
    RequestPath,
    /// `request.query_string`.
    RequestQueryString,
    /// `request.url`.
    RequestUrl,
    /// `request.original_url`.
    RequestOriginalUrl,
    /// `request.client_ip`.
    RequestClientIp,
    /// `request.client_network`.
    RequestClientNetwork,
    /// `request.body` and `request.json`: bytes, or null without a body.
    RequestBody,
    /// `response.status`, an int.
    ResponseStatus,
    /// `response.reason`.
    ResponseReason,
    /// `response.body` and `response.json`: bytes, or null without a body.
    ResponseBody,
    /// `api.id`.
    ApiId,
    /// `api.path`.
    ApiPath,
    /// `operation.id`.
    OperationId,
    /// `operation.method`.
    OperationMethod,
    /// `operation.url`.
    OperationUrl,
    /// `product.id`.
    ProductId,
    /// `subscription.id`.
    SubscriptionId,
    /// `subscription.start_date`, a timestamp or text.
    SubscriptionStartDate,
    /// `user.id`.
    UserId,
    /// `last_error.source`.
    LastErrorSource,
    /// `last_error.reason`.
    LastErrorReason,
    /// `last_error.message`.
    LastErrorMessage,
    /// `last_error.scope`.
    LastErrorScope,
    /// `last_error.section`.
    LastErrorSection,
    /// `last_error.path`.
    LastErrorPath,
    /// `last_error.policy_id`.
    LastErrorPolicyId,
    /// `last_error.status`, an int.
    LastErrorStatus,
    /// `now`, a timestamp.
    Now,
    /// `request_id`.
    RequestId,
    /// `elapsed`, a duration.
    Elapsed,
}

/// Values by name, of which a missing one is null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// `request.headers`: several lines of a name are joined by `, `.
    RequestHeaders,
    /// `request.query`: decoded, several of a name are joined by `,`.
    RequestQuery,
    /// `request.parameters`, of the operation's URL template.
    RequestParameters,
    /// `response.headers`.
    ResponseHeaders,
    /// `variables`.
    Variables,
}

/// An object that needn't be there. Selecting a member of one that isn't gives null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// `api`.
    Api,
    /// `operation`.
    Operation,
    /// `product`.
    Product,
    /// `subscription`.
    Subscription,
    /// `user`.
    User,
    /// `response`.
    Response,
    /// `last_error`.
    LastError,
}
