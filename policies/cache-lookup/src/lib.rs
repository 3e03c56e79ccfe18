//! `cache-lookup`: answer a `GET` with a stored response, if there is one.

mod vary;

use policy_downstream::{Downstream, Keep};
use policy_headers::Texts;
use tollgate_sdk::cache::{self, Outcome};
use tollgate_sdk::dynamic::Scalar;
use tollgate_sdk::expression::Value;
use tollgate_sdk::{
    ConfigError, Dynamic, ExpressionError, Policy, Reply, Request, Verdict, configuration, log, policy,
};
use vary::Vary;

/// What tells responses apart, and what clients may do with them.
#[configuration]
pub struct Config {
    /// Whether each subscription has responses of its own.
    #[serde(default)]
    vary_by_developer: Dynamic<bool>,
    /// As vary-by-developer, until users and groups exist.
    #[serde(default)]
    vary_by_developer_groups: Dynamic<bool>,
    /// Request headers that tell responses apart; several may be separated by semicolons.
    #[serde(default)]
    vary_by_header: Option<Texts>,
    /// Query parameters that tell responses apart; several may be separated by semicolons. Without any, the whole
    /// query does.
    #[serde(default)]
    vary_by_query_parameter: Option<Texts>,
    /// In short for vary-by-query-parameter.
    #[serde(default)]
    vary_by_query: Option<Texts>,
    /// What cache-store tells caches behind the gateway; otherwise the origin's cache-control stays.
    #[serde(default)]
    downstream_caching_type: Option<Dynamic<DownstreamCachingType>>,
    /// Whether caches behind the gateway must ask again once a response is old.
    #[serde(default = "yes")]
    must_revalidate: Dynamic<bool>,
    /// Which cache; this gateway has one, so all choices mean the same.
    #[serde(default)]
    #[allow(dead_code, reason = "there is nothing to choose from yet")]
    caching_type: CachingType,
    /// Whether requests with an Authorization header are answered from the cache too.
    #[serde(default)]
    allow_private_response_caching: Dynamic<bool>,
}

/// Who may keep the response behind the gateway.
#[configuration]
#[derive(Clone, Copy, Debug)]
enum DownstreamCachingType {
    /// Nobody.
    None,
    /// The client.
    Private,
    /// Everybody.
    Public,
}

/// Which cache.
#[configuration]
#[derive(Default)]
enum CachingType {
    /// An external one if there is one.
    #[default]
    PreferExternal,
    /// An external one.
    External,
    /// The gateway's own.
    Internal,
}

fn yes() -> Dynamic<bool> {
    true.into()
}

impl Scalar for DownstreamCachingType {
    fn from_value(value: Value) -> Result<Self, String> {
        match String::from_value(value)?.as_str() {
            "none" => Ok(Self::None),
            "private" => Ok(Self::Private),
            "public" => Ok(Self::Public),
            _ => Err("expected none, private or public, found another text".into()),
        }
    }
}

/// The statement, with the names it varies by sorted.
#[derive(Debug)]
pub struct Statement {
    vary: Vary,
    downstream: Option<Dynamic<DownstreamCachingType>>,
    must_revalidate: Dynamic<bool>,
    with_authorization: Dynamic<bool>,
}

/// Answers with a stored response, if there is one.
#[policy(sections(inbound), once)]
impl Policy for Statement {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let query = match (config.vary_by_query_parameter, config.vary_by_query) {
            (Some(_), Some(_)) => {
                return Err(ConfigError::new("/vary-by-query", "`vary-by-query-parameter` says it already"));
            }
            (Some(names), None) => Some((names, "/vary-by-query-parameter")),
            (None, names) => names.map(|names| (names, "/vary-by-query")),
        };
        let by_subscription = [config.vary_by_developer, config.vary_by_developer_groups];
        Ok(Self {
            vary: Vary::new(by_subscription, config.vary_by_header, query)?,
            downstream: config.downstream_caching_type,
            must_revalidate: config.must_revalidate,
            with_authorization: config.allow_private_response_caching,
        })
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        if request.method() != "GET" {
            return Ok(());
        }
        if request.header("authorization").is_some() && !*self.with_authorization.get()? {
            return Ok(());
        }
        match cache::lookup(&self.vary.of(request)?) {
            Ok(Outcome::Hit) => Err(Reply::staged().into()),
            Ok(Outcome::Miss) => match self.downstream()? {
                Some(downstream) => Ok(downstream.hand_over()?),
                None => Ok(()),
            },
            Err(error) => {
                // A request is never worse off for the cache.
                log::debug!("taken for a miss: {error:?}");
                Ok(())
            }
        }
    }
}

impl Statement {
    /// What `cache-store` tells clients, if it shall tell them anything.
    fn downstream(&self) -> Result<Option<Downstream>, ExpressionError> {
        let Some(who) = &self.downstream else { return Ok(None) };
        let keep = match *who.get()? {
            DownstreamCachingType::None => Keep::None,
            DownstreamCachingType::Private => Keep::Private,
            DownstreamCachingType::Public => Keep::Public,
        };
        Ok(Some(Downstream { keep, must_revalidate: *self.must_revalidate.get()? }))
    }
}

#[cfg(test)]
mod tests;
