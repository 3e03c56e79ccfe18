//! What tells responses to the same path apart.

use policy_headers::{FieldName, Texts};
use tollgate_sdk::{ConfigError, Dynamic, ExpressionError, Request, context};

/// What to vary by, checked and sorted, so that the order in the document makes no difference.
#[derive(Debug)]
pub(crate) struct Vary {
    /// By the subscription, if any of these says so.
    by_subscription: [Dynamic<bool>; 2],
    headers: Vec<FieldName>,
    /// None: by the whole query.
    parameters: Option<Vec<String>>,
}

impl Vary {
    pub(crate) fn new(
        by_subscription: [Dynamic<bool>; 2],
        headers: Option<Texts>,
        query: Option<(Texts, &str)>,
    ) -> Result<Self, ConfigError> {
        let headers =
            headers.as_deref().map_or(Ok(Vec::new()), |texts| names(texts, "/vary-by-header", FieldName::parse))?;
        let parameters = query.map(|(texts, pointer)| {
            names(&texts, pointer, |name| match name.contains(['=', '&']) {
                true => Err(format!("`{name}` is no name of a query parameter")),
                false => Ok(name.to_owned()),
            })
        });
        Ok(Self { by_subscription, headers, parameters: parameters.transpose()? })
    }

    /// Everything that this request's response may depend on. Two requests get the same list only if none of it
    /// differs: each entry says what it is before it says its value.
    pub(crate) fn of(&self, request: &Request) -> Result<Vec<String>, ExpressionError> {
        let mut vary = Vec::new();
        match &self.parameters {
            None => vary.extend(request.query().map(|query| format!("query={}", canonical(&query)))),
            Some(names) => {
                for name in names {
                    vary.extend(request.query_values(name).into_iter().map(|value| format!("query:{name}={value}")));
                }
            }
        }
        for name in &self.headers {
            // Bytes that are no ASCII are escaped, so that no two values look the same.
            let entry = |value: Vec<u8>| format!("header:{name}={}", value.escape_ascii());
            vary.extend(request.header_values(name).into_iter().map(entry));
        }
        let [developer, groups] = &self.by_subscription;
        if *developer.get()? || *groups.get()? {
            let id = context::subscription().map(|subscription| subscription.id);
            vary.push(format!("subscription={}", id.unwrap_or_default()));
        }
        Ok(vary)
    }
}

/// The names in a list whose items may hold several, separated by semicolons.
fn names<T: Ord>(
    texts: &[String],
    pointer: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, ConfigError> {
    let split = texts.iter().flat_map(|text| text.split(';')).map(str::trim).filter(|name| !name.is_empty());
    let mut names =
        split.map(parse).collect::<Result<Vec<T>, String>>().map_err(|message| ConfigError::new(pointer, message))?;
    if names.is_empty() {
        return Err(ConfigError::new(pointer, "names nothing"));
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// The query with its parameters in order of their names. Parameters of one name stay in order, and empty ones stay
/// where they sort to: either may matter to an origin.
fn canonical(query: &str) -> String {
    let mut pairs: Vec<&str> = query.split('&').collect();
    pairs.sort_by_key(|pair| pair.split('=').next());
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_parameters_makes_no_difference() {
        assert_eq!(canonical("b=2&a=1"), canonical("a=1&b=2"));
        assert_ne!(canonical("&b"), canonical("b"));
        assert_ne!(canonical("a=1&a=2"), canonical("a=2&a=1"));
        assert_ne!(canonical("a=1"), canonical("a=1&b"));
        assert_eq!(canonical(""), "");
    }
}
