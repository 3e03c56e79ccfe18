//! `Host`: whom the request is for, which is more than a line among others.

use policy_headers::{ExistsAction, SetHeader};
use tollgate_sdk::{ConfigError, Dynamic};

/// Whether the header is `Host`. One that an expression names isn't: it is refused with the gateway's other headers.
pub(crate) fn is_named(config: &SetHeader) -> bool {
    config.name.literal().is_some_and(|name| &**name == "host")
}

/// The host to say. There is exactly one, always: it can be replaced, and nothing else.
pub(crate) fn checked(config: SetHeader) -> Result<Dynamic<String>, ConfigError> {
    if config.exists_action.literal() != Some(&ExistsAction::Override) {
        return Err(ConfigError::new("/exists-action", "`host` is always there, once; it can only be overridden"));
    }
    let Some(values) = config.value else {
        return Err(ConfigError::new("", "`value` is missing"));
    };
    let [value] = &*values else {
        return Err(ConfigError::new("/value", "`host` has one value"));
    };
    if value.literal().is_some_and(|host| !may_be_host(host)) {
        return Err(ConfigError::new("/value", "expected a host, perhaps with a port: `shop.example:8443`"));
    }
    Ok(value.clone())
}

/// What is certainly none is told when the document is loaded; the gateway looks closer before it is used.
fn may_be_host(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}
