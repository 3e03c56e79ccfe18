//! What a message's head says of its body.

use crate::config::ContentTypeMap;
use policy_validation::essence;
use tollgate_sdk::{ExpressionError, Headers};

/// What a message's head says of its body.
#[derive(Debug)]
pub(crate) struct Head {
    /// As `essence` writes it; none if it is missing or empty.
    pub(crate) content_type: Option<String>,
    /// Bytes, if it says so.
    pub(crate) length: Option<u64>,
    /// Whether the body is compressed.
    pub(crate) is_encoded: bool,
}

impl Head {
    pub(crate) fn of(message: &impl Headers) -> Self {
        let text = |name: &str| message.header(name).map(|value| String::from_utf8_lossy(&value).into_owned());
        let plain = |coding: &Vec<u8>| coding.trim_ascii().eq_ignore_ascii_case(b"identity");
        Self {
            content_type: text("content-type").map(|value| essence(&value)).filter(|essence| !essence.is_empty()),
            length: text("content-length").and_then(|value| value.trim().parse().ok()),
            is_encoded: !message.header_values("content-encoding").iter().all(plain),
        }
    }

    /// What the body is taken for.
    pub(crate) fn taken_for(&self, map: &ContentTypeMap) -> Result<Option<String>, ExpressionError> {
        for mapping in &map.types {
            let named = mapping.from.as_deref().map(essence);
            let fits = match &mapping.when {
                Some(condition) => *condition.get()?,
                None => named.is_some() && named == self.content_type,
            };
            if fits {
                return Ok(Some(essence(&mapping.to)));
            }
        }
        let missing = map.missing_content_type_value.as_ref().filter(|_| self.content_type.is_none());
        let written = missing.or(map.any_content_type_value.as_ref());
        Ok(written.map(|written| essence(written)).or_else(|| self.content_type.clone()))
    }
}
