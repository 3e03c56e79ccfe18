//! How clients and later statements learn what a rate limit decided.

use crate::rate::Rate;
use crate::time::seconds_of_ms;
use policy_headers::EditableName;
use std::borrow::Cow;
use tollgate_sdk::limiter::Decision;
use tollgate_sdk::{ConfigError, Failure, Verdict, configuration, context, variables};

/// What `rate-limit` and `rate-limit-by-key` let operators say of it.
#[configuration]
#[derive(Clone, Debug, Default)]
pub struct TellingConfig {
    /// The response header that tells a refused client how many seconds to wait; by default Retry-After.
    #[serde(default)]
    #[schema(with = "Option<EditableName>")]
    pub retry_after_header_name: Option<String>,
    /// The variable that gets the seconds to wait when a call is refused.
    #[serde(default)]
    #[schema(length(min = 1))]
    pub retry_after_variable_name: Option<String>,
    /// The response header that tells how many calls are left.
    #[serde(default)]
    #[schema(with = "Option<EditableName>")]
    pub remaining_calls_header_name: Option<String>,
    /// The variable that gets how many calls are left.
    #[serde(default)]
    #[schema(length(min = 1))]
    pub remaining_calls_variable_name: Option<String>,
    /// The response header that tells the value of `calls`.
    #[serde(default)]
    #[schema(with = "Option<EditableName>")]
    pub total_calls_header_name: Option<String>,
    /// Whether the response headers RateLimit-Policy and RateLimit tell all of it, as the IETF drafts them.
    #[serde(default)]
    pub ratelimit_headers: bool,
}

/// A [`TellingConfig`] that has been checked.
#[derive(Debug)]
pub struct Telling {
    retry_after_header: EditableName,
    retry_after_variable: Option<String>,
    remaining_header: Option<EditableName>,
    remaining_variable: Option<String>,
    total_header: Option<EditableName>,
    ratelimit_headers: bool,
}

/// A limit, and what it decided.
#[derive(Clone, Debug)]
pub struct Asked {
    pub(crate) name: &'static str,
    pub(crate) rate: Rate,
    pub(crate) decision: Decision,
}

impl Telling {
    /// Names are checked here and not while they are read, because serde loses the place of what it flattens.
    pub fn new(config: TellingConfig) -> Result<Self, ConfigError> {
        let header = |name: Option<String>, pointer| {
            let name = name.map(|name| EditableName::parse(&name)).transpose();
            name.map_err(|message| ConfigError::new(pointer, message))
        };
        let retry_after = config.retry_after_header_name.unwrap_or_else(|| "retry-after".into());
        Ok(Self {
            retry_after_header: EditableName::parse(&retry_after)
                .map_err(|message| ConfigError::new("/retry-after-header-name", message))?,
            retry_after_variable: config.retry_after_variable_name,
            remaining_header: header(config.remaining_calls_header_name, "/remaining-calls-header-name")?,
            remaining_variable: config.remaining_calls_variable_name,
            total_header: header(config.total_calls_header_name, "/total-calls-header-name")?,
            ratelimit_headers: config.ratelimit_headers,
        })
    }

    /// Tell what limits decided on one call, and refuse it if the last one did; the others were asked before it.
    ///
    /// The headers and variables with one number are those of the limit that refuses, or else has the fewest calls left.
    pub fn settle(&self, asked: &[Asked]) -> Result<(), Verdict> {
        if self.ratelimit_headers {
            let earlier = staged("ratelimit-policy");
            let name = name(&context::statement_id(), &earlier);
            context::stage_response_header("ratelimit-policy", list(&earlier, asked, |asked| asked.policy(&name)))?;
            let left = list(&staged("ratelimit"), asked, |asked| asked.left(&name));
            context::stage_response_header("ratelimit", left)?;
        }
        let refused = asked.last().filter(|last| !last.decision.admitted);
        let Some(told) = refused.or_else(|| asked.iter().min_by_key(|asked| asked.decision.remaining)) else {
            return Ok(());
        };
        if let Some(name) = &self.remaining_header {
            context::stage_response_header(name, told.decision.remaining.to_string())?;
        }
        if let Some(name) = &self.total_header {
            context::stage_response_header(name, told.rate.calls.to_string())?;
        }
        if let Some(name) = &self.remaining_variable {
            variables::set(name, &told.decision.remaining)?;
        }
        match refused {
            Some(refused) => Err(self.refuse(refused)?),
            None => Ok(()),
        }
    }

    fn refuse(&self, refused: &Asked) -> Result<Verdict, Verdict> {
        let seconds = refused.wait();
        if let Some(name) = &self.retry_after_variable {
            variables::set(name, &seconds)?;
        }
        let message = format!("Rate limit is exceeded. Try again in {seconds} seconds.");
        let failure = Failure::new(429, "RateLimitExceeded", message);
        Ok(failure.header(&*self.retry_after_header, seconds.to_string()).into())
    }
}

impl Asked {
    /// Whether the call may pass this limit.
    pub fn is_admitted(&self) -> bool {
        self.decision.admitted
    }

    /// In whole seconds. A call that was admitted has none; all that counts now has left the window after its length.
    fn wait(&self) -> u64 {
        match self.decision.admitted {
            true => self.rate.period,
            false => seconds_of_ms(self.decision.retry_after_ms),
        }
    }

    fn policy(&self, statement: &str) -> String {
        format!("\"{}\";q={};w={}", self.named(statement), self.rate.calls, self.rate.period)
    }

    fn left(&self, statement: &str) -> String {
        format!("\"{}\";r={};t={}", self.named(statement), self.decision.remaining, self.wait())
    }

    fn named(&self, statement: &str) -> Cow<'_, str> {
        match (self.name, statement) {
            (name, DEFAULT) => name.into(),
            (DEFAULT, statement) => statement.to_owned().into(),
            (name, statement) => format!("{statement}-{name}").into(),
        }
    }
}

/// What a limit is called that is a statement's own.
const DEFAULT: &str = "default";

/// What earlier statements have listed in a field.
fn staged(field: &str) -> String {
    let value = context::staged_response_header(field).unwrap_or_default();
    String::from_utf8(value).unwrap_or_default()
}

/// What a statement's limits are called: by its `id`, which its place in the document isn't; and otherwise not as an
/// earlier statement's, whose names are in `earlier`.
fn name(statement_id: &str, earlier: &str) -> String {
    if !statement_id.contains('/') {
        return statement_id.to_owned();
    }
    let numbered = |number: u32| if number == 1 { DEFAULT.to_owned() } else { format!("{DEFAULT}-{number}") };
    let is_free = |name: &String| !earlier.contains(&format!("\"{name}\";"));
    (1..).map(numbered).find(is_free).unwrap_or_default()
}

/// A list of structured fields (RFC 9651 §3.1): what earlier statements say, and then the broadest limit first.
fn list(earlier: &str, asked: &[Asked], item: impl Fn(&Asked) -> String) -> String {
    let earlier = Some(earlier.to_owned()).filter(|earlier| !earlier.is_empty());
    earlier.into_iter().chain(asked.iter().rev().map(item)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_as_the_draft_has_them() {
        let asked = |name, admitted, remaining, retry_after_ms| Asked {
            name,
            rate: Rate { calls: 100, period: 60 },
            decision: Decision { admitted, remaining, retry_after_ms },
        };
        let both = [asked("api", true, 50, 0), asked("default", false, 0, 29_001)];
        assert_eq!(list("", &both, |asked| asked.policy(DEFAULT)), r#""default";q=100;w=60, "api";q=100;w=60"#);
        assert_eq!(list("", &both, |asked| asked.left(DEFAULT)), r#""default";r=0;t=30, "api";r=50;t=60"#);
        let named = list(r#""a";r=1;t=1"#, &both, |asked| asked.left("day"));
        assert_eq!(named, r#""a";r=1;t=1, "day";r=0;t=30, "day-api";r=50;t=60"#);
    }

    #[test]
    fn no_two_statements_have_the_same_name() {
        assert_eq!(name("burst", ""), "burst");
        assert_eq!(name("apis/orders/inbound/1", ""), "default");
        assert_eq!(name("inbound/0", r#""default";q=1;w=1, "api";q=1;w=1"#), "default-2");
        assert_eq!(name("inbound/0", r#""default";q=1;w=1, "default-2";q=1;w=1"#), "default-3");
        assert_eq!(name("inbound/0", r#""default-2";q=1;w=1"#), "default");
    }
}
