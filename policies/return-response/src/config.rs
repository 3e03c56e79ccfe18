//! What the operator wrote below `return-response`.

use policy_bodies::SetBody;
use policy_headers::{SetHeaders, Status, Values};
use std::collections::BTreeMap;
use tollgate_sdk::{Dynamic, configuration};

/// The response, with children named after the statements that they resemble, or in short.
#[configuration]
#[derive(Debug)]
pub struct Config {
    /// The variable that holds a response, as `send-request` puts it there. What follows changes it.
    #[serde(default)]
    pub(crate) response_variable_name: Option<String>,
    /// The status, and the reason phrase of HTTP/1.1.
    #[serde(default)]
    pub(crate) set_status: Option<SetStatus>,
    /// One header or a list of them, edited in order.
    #[serde(default)]
    pub(crate) set_header: Option<SetHeaders>,
    /// The body, or a Liquid template for it.
    #[serde(default)]
    pub(crate) set_body: Option<SetBody>,
    /// The status, in short.
    #[serde(default)]
    pub(crate) status: Option<Dynamic<Status>>,
    /// Headers by name, in short.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Values>,
    /// The body, in short.
    #[serde(default)]
    pub(crate) body: Option<Dynamic<Vec<u8>>>,
}

/// A status, with a reason phrase of its own if need be.
#[configuration]
#[derive(Debug)]
pub(crate) struct SetStatus {
    /// The status.
    pub(crate) code: Dynamic<Status>,
    /// The reason phrase, if it isn't the usual one.
    #[serde(default)]
    pub(crate) reason: Option<Dynamic<String>>,
}
