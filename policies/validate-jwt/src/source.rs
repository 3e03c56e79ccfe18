//! Where the token stands in the request.

use crate::denial::Denial;
use crate::refusal::Refusal;
use tollgate_sdk::{ConfigError, Dynamic, Request};

/// The one place where the token is looked for.
#[derive(Debug)]
pub(crate) enum Source {
    /// A header. `scheme`: what has to stand before the token, if the header is Authorization.
    Header { name: Dynamic<String>, scheme: Option<String> },
    /// A query parameter.
    Query(Dynamic<String>),
    /// An expression gives it.
    Value(Dynamic<String>),
}

impl Source {
    /// Exactly one of the three; `scheme` goes with a header.
    pub(crate) fn new(
        header: Option<Dynamic<String>>,
        query: Option<Dynamic<String>>,
        value: Option<Dynamic<String>>,
        scheme: Option<String>,
    ) -> Result<Self, ConfigError> {
        let source = match (header, query, value) {
            (Some(name), None, None) => return Self::header(name, scheme),
            (None, Some(name), None) => Self::Query(name),
            (None, None, Some(value)) => Self::Value(value),
            _ => {
                let message = "exactly one of `header-name`, `query-parameter-name` and `token-value` is needed";
                return Err(ConfigError::new("", message));
            }
        };
        match scheme {
            Some(_) => Err(ConfigError::new("/require-scheme", "only the header Authorization has a scheme")),
            None => Ok(source),
        }
    }

    fn header(name: Dynamic<String>, scheme: Option<String>) -> Result<Self, ConfigError> {
        if let Some(name) = name.literal() {
            if !is_token(name) {
                return Err(ConfigError::new("/header-name", format!("`{name}` is no header name")));
            }
            if scheme.is_some() && !is_authorization(name) {
                return Err(ConfigError::new("/require-scheme", "only the header Authorization has a scheme"));
            }
        }
        match scheme {
            Some(scheme) if !is_token(&scheme) => {
                Err(ConfigError::new("/require-scheme", format!("`{scheme}` is no scheme; Bearer is one")))
            }
            scheme => Ok(Self::Header { name, scheme }),
        }
    }

    /// How clients are told to show a token.
    pub(crate) fn scheme(&self) -> &str {
        match self {
            Self::Header { scheme: Some(scheme), .. } => scheme,
            _ => "Bearer",
        }
    }

    /// The token of this request.
    pub(crate) fn token(&self, request: &Request) -> Result<String, Refusal> {
        let text = match self {
            Self::Header { name, scheme } => {
                let name = name.get()?;
                let text = String::from_utf8(only(request.header_values(&name))?);
                let text = text.map_err(|_| Denial::malformed("the header is no text"))?;
                match is_authorization(&name) {
                    true => after_scheme(&text, scheme.as_deref())?.to_owned(),
                    false => text.trim().to_owned(),
                }
            }
            Self::Query(name) => only(request.query_values(&name.get()?))?,
            Self::Value(value) => value.get()?.into_owned(),
        };
        if text.is_empty() { Err(Denial::not_present().into()) } else { Ok(text) }
    }
}

/// Of two tokens the origin might go by the other one.
fn only<T>(values: Vec<T>) -> Result<T, Denial> {
    let mut values = values.into_iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(Denial::not_present()),
        _ => Err(Denial::malformed("there is more than one token")),
    }
}

/// `Bearer TOKEN`, or the token alone unless a scheme is required.
fn after_scheme<'a>(text: &'a str, required: Option<&str>) -> Result<&'a str, Denial> {
    let text = text.trim();
    match (text.split_once(' '), required) {
        (Some((scheme, token)), Some(required)) if scheme.eq_ignore_ascii_case(required) => Ok(token.trim_start()),
        (Some((_, token)), None) => Ok(token.trim_start()),
        (None, None) => Ok(text),
        _ => Err(Denial::not_present()),
    }
}

fn is_authorization(name: &str) -> bool {
    name.eq_ignore_ascii_case("authorization")
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_stands_before_the_token() {
        assert_eq!(after_scheme("Bearer a.b.c", None), Ok("a.b.c"));
        assert_eq!(after_scheme(" bearer   a.b.c ", Some("Bearer")), Ok("a.b.c"));
        assert_eq!(after_scheme("a.b.c", None), Ok("a.b.c"));
        assert_eq!(after_scheme("a.b.c", Some("Bearer")), Err(Denial::not_present()));
        assert_eq!(after_scheme("Basic a.b.c", Some("Bearer")), Err(Denial::not_present()));
        assert_eq!(after_scheme("Bearer ", Some("Bearer")), Err(Denial::not_present()));
    }

    #[test]
    fn of_two_values_neither_is_taken() {
        assert_eq!(only(vec![1]), Ok(1));
        assert_eq!(only(Vec::<u8>::new()), Err(Denial::not_present()));
        assert_eq!(only(vec![1, 2]).unwrap_err().reason, "JwtInvalid");
    }
}
