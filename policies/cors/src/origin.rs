//! Lists of what is allowed.

use tollgate_sdk::ConfigError;

/// Everything, in a list.
const ALL: &str = "*";

/// Pages that may call.
#[derive(Debug)]
pub(crate) struct Origins {
    all: bool,
    listed: Vec<String>,
}

impl Origins {
    pub(crate) fn parse(texts: &[String]) -> Result<Self, ConfigError> {
        for (at, text) in texts.iter().enumerate() {
            if text != ALL && !is_origin(text) {
                let problem = "expected `*` or an origin such as https://app.example, without a path";
                return Err(ConfigError::new(format!("/allowed-origins/{at}"), problem));
            }
        }
        let listed = texts.iter().map(|text| text.to_ascii_lowercase()).collect();
        Ok(Self { all: texts.iter().any(|text| text == ALL), listed })
    }

    pub(crate) fn is_all(&self) -> bool {
        self.all
    }

    /// Origins compare as whole texts: browsers write them in one way only (RFC 6454 §6).
    pub(crate) fn allow(&self, origin: &str) -> bool {
        self.all || self.listed.iter().any(|listed| listed.eq_ignore_ascii_case(origin))
    }
}

fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    !scheme.is_empty()
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        && !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'?' | b'#' | b'@' | b'*' | b','))
}

/// Names of methods or headers.
#[derive(Debug)]
pub(crate) struct Allowed {
    all: bool,
    listed: Vec<String>,
}

impl Allowed {
    pub(crate) fn parse(texts: &[String], pointer: &str) -> Result<Self, ConfigError> {
        for (at, text) in texts.iter().enumerate() {
            if !is_token(text) {
                return Err(ConfigError::new(format!("{pointer}/{at}"), format!("{text:?} is no name")));
            }
        }
        Ok(Self { all: texts.iter().any(|text| text == ALL), listed: texts.to_vec() })
    }

    pub(crate) fn is_all(&self) -> bool {
        self.all
    }

    pub(crate) fn allow(&self, name: &str) -> bool {
        self.all || self.listed.iter().any(|listed| listed.eq_ignore_ascii_case(name))
    }

    /// As a header's value.
    pub(crate) fn listed(&self) -> String {
        self.listed.join(", ")
    }
}

/// A token of RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
