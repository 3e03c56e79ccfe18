//! Facts about the exchange that are in no message. All of them stay the same during a request.

use crate::bindings::imports::tollgate::policy::context as wit;
use crate::host::context as host;
use crate::messages::HeaderError;

/// The subscription whose key admitted the request: its id, and when it began.
pub use wit::SubscriptionInfo as Subscription;

/// The request's id, the one that the client gets as `x-request-id`.
pub fn request_id() -> String {
    host::request_id()
}

/// The client's address as trusted proxies tell it, IPv4-mapped IPv6 written as IPv4. Example: `192.0.2.7`.
pub fn client_ip() -> String {
    host::client_ip()
}

/// The client as counters take it: [`client_ip`], but of an IPv6 address only the network, because one client has as
/// many addresses of it as it likes. Examples: `192.0.2.7`, `2001:db8:0:1::/64`.
pub fn client_network() -> String {
    host::client_network()
}

/// The id of the API that was matched.
pub fn api_id() -> String {
    host::api_id()
}

/// The id of the operation that was matched; none in an API without operations.
pub fn operation_id() -> Option<String> {
    host::operation_id()
}

/// The API's public path, without a slash at either end; empty for the root. Example: `shop/orders`.
pub fn api_path() -> String {
    host::api_path()
}

/// What the document says of the operation that was matched, as JSON text:
/// `{ "id", "method", "url", "parameters": {…}, "request": {…}, "responses": […] }`; none in an API without operations.
///
/// The same text for every request to the same operation, so a policy may keep what it makes of it by this text.
pub fn operation_definition() -> Option<String> {
    host::operation_definition()
}

/// The product in whose context the request runs, if any.
pub fn product_id() -> Option<String> {
    host::product_id()
}

/// The subscription, if a key was used.
pub fn subscription() -> Option<Subscription> {
    host::subscription()
}

/// Which statement is running: its `id`, or its place. Example: `apis/orders/inbound/1`.
pub fn statement_id() -> String {
    host::statement_id()
}

/// Path and query as the client asked for them, whatever statements have made of them since.
pub fn original_target() -> String {
    host::original_target()
}

/// Microseconds since the request's head was read.
pub fn elapsed_us() -> u64 {
    host::elapsed_us()
}

/// Set a header on the response that the client will get, whoever makes that response. For statements that
/// run before there is a response.
///
/// Kept after `respond` and `reject` too. Outbound statements see it.
pub fn stage_response_header(name: &str, value: impl AsRef<[u8]>) -> Result<(), HeaderError> {
    host::stage_response_header(name, value.as_ref())
}

/// Like [`stage_response_header`], but adds a line to those that the response has already. Example: `vary: origin`.
pub fn append_response_header(name: &str, value: impl AsRef<[u8]>) -> Result<(), HeaderError> {
    host::append_response_header(name, value.as_ref())
}

/// Like [`stage_response_header`], but takes a header away that the origin, the cache or an earlier statement has given.
pub fn remove_response_header(name: &str) -> Result<(), HeaderError> {
    host::remove_response_header(name)
}

/// What statements have said so far of a header of whatever response comes: the last value that was staged; none if there
/// is none, or if it was taken away since.
pub fn staged_response_header(name: &str) -> Option<Vec<u8>> {
    host::staged_response_header(name)
}
