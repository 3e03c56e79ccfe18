//! What a template finds under `body` and `context`.

use crate::body::Body;
use crate::liquid::{Globals, member};
use crate::message::Phase;
use std::borrow::Cow;
use tollgate_sdk::serde_json::{Map, Value, from_str};
use tollgate_sdk::{Headers, clock, context, variables};

/// An exchange, as a template sees it. Everything but the body is asked of the gateway when the template comes to it.
pub(crate) struct Exchange<'x> {
    pub(crate) body: Body,
    pub(crate) phase: Phase<'x>,
}

impl Globals for Exchange<'_> {
    fn body(&self) -> &Value {
        &self.body.value
    }

    fn body_is_xml(&self) -> bool {
        self.body.is_xml
    }

    fn context(&self, path: &[Cow<'_, Value>]) -> Value {
        let Some((first, rest)) = split(path) else { return Value::Null };
        match first.as_str() {
            "request" => self.request(rest),
            "response" => self.response(rest),
            "variables" => variable(rest),
            "lasterror" => self.last_error(rest),
            "requestid" => leaf(rest, context::request_id),
            "api" => named(rest, &[("id", &|| Some(context::api_id())), ("path", &|| Some(context::api_path()))]),
            "operation" => named(rest, &[("id", &context::operation_id)]),
            "product" => named(rest, &[("id", &context::product_id)]),
            "subscription" => named(rest, &[("id", &|| context::subscription().map(|found| found.id))]),
            _ => Value::Null,
        }
    }

    fn now_unix_ms(&self) -> i64 {
        i64::try_from(clock::unix_ms()).unwrap_or(i64::MAX)
    }
}

impl Exchange<'_> {
    fn request(&self, path: &[Cow<'_, Value>]) -> Value {
        let Some((first, rest)) = split(path) else { return Value::Null };
        let request = self.phase.request();
        match first.as_str() {
            "method" => leaf(rest, || request.method()),
            "ipaddress" => leaf(rest, context::client_ip),
            "url" => self.url(&request.path(), &request.query().unwrap_or_default(), rest),
            "originalurl" => {
                let target = context::original_target();
                let (path, query) = target.split_once('?').unwrap_or((&target, ""));
                self.url(path, query, rest)
            }
            "headers" => headers(request, request.headers(), rest),
            "matchedparameters" => by_name(rest, |name| request.parameter(name)),
            _ => Value::Null,
        }
    }

    /// What is at `members` of the URL with this path and query.
    fn url(&self, path: &str, query: &str, members: &[Cow<'_, Value>]) -> Value {
        let request = self.phase.request();
        let Some((first, rest)) = split(members) else {
            let question_mark = if query.is_empty() { "" } else { "?" };
            let url = [&request.scheme(), "://", &request.authority(), path, question_mark, query];
            return Value::from(url.concat());
        };
        let authority = request.authority();
        // The last colon, unless it stands inside the brackets of an IPv6 address.
        let port = authority.rfind(':').filter(|colon| authority[*colon..].find(']').is_none());
        match first.as_str() {
            "path" => leaf(rest, || path.to_owned()),
            "scheme" => leaf(rest, || request.scheme()),
            "host" => leaf(rest, || authority[..port.unwrap_or(authority.len())].to_owned()),
            "port" => leaf(rest, || match port {
                Some(colon) => authority[colon + 1..].to_owned(),
                None if request.scheme() == "https" => "443".to_owned(),
                None => "80".to_owned(),
            }),
            "querystring" => leaf(rest, || match query {
                "" => String::new(),
                query => format!("?{query}"),
            }),
            "query" => by_name(rest, |name| {
                let pairs = form_urlencoded::parse(query.as_bytes());
                let values: Vec<Cow<'_, str>> = pairs.filter(|(key, _)| key == name).map(|(_, value)| value).collect();
                (!values.is_empty()).then(|| values.join(","))
            }),
            _ => Value::Null,
        }
    }

    fn response(&self, path: &[Cow<'_, Value>]) -> Value {
        let (Some(response), Some((first, rest))) = (self.phase.response(), split(path)) else { return Value::Null };
        match first.as_str() {
            "statuscode" | "status" if rest.is_empty() => Value::from(response.status()),
            "headers" => headers(response, response.headers(), rest),
            _ => Value::Null,
        }
    }

    fn last_error(&self, path: &[Cow<'_, Value>]) -> Value {
        let Some(error) = self.phase.error() else { return Value::Null };
        let text = |text: &str| Some(text.to_owned());
        named(
            path,
            &[
                ("source", &|| text(&error.source)),
                ("reason", &|| text(&error.reason)),
                ("message", &|| text(&error.message)),
                ("policyid", &|| error.statement_id.clone()),
            ],
        )
    }
}

/// The first name of a path without case and underscores, so that `IpAddress` and `ip_address` are the same.
fn split<'p, 'v>(path: &'p [Cow<'v, Value>]) -> Option<(String, &'p [Cow<'v, Value>])> {
    let (first, rest) = path.split_first()?;
    Some((first.as_str()?.replace('_', "").to_ascii_lowercase(), rest))
}

/// A text at the end of a path.
fn leaf(rest: &[Cow<'_, Value>], text: impl FnOnce() -> String) -> Value {
    if rest.is_empty() { Value::from(text()) } else { Value::Null }
}

/// The text under one of these names.
fn named(path: &[Cow<'_, Value>], texts: &[(&str, &dyn Fn() -> Option<String>)]) -> Value {
    let Some((first, [])) = split(path) else { return Value::Null };
    let found = texts.iter().find(|(name, _)| *name == first).and_then(|(_, text)| text());
    found.map_or(Value::Null, Value::from)
}

/// The text under a name that is the operator's or the client's own: taken as it is written.
fn by_name(path: &[Cow<'_, Value>], find: impl Fn(&str) -> Option<String>) -> Value {
    match path {
        [name] => name.as_str().and_then(find).map_or(Value::Null, Value::from),
        _ => Value::Null,
    }
}

/// A header, several lines joined; or all of them.
fn headers(message: &impl Headers, all: Vec<tollgate_sdk::Field>, path: &[Cow<'_, Value>]) -> Value {
    let joined = |name: &str| {
        let lines = message.header_values(name);
        (!lines.is_empty()).then(|| String::from_utf8_lossy(&lines.join(&b", "[..])).into_owned())
    };
    if !path.is_empty() {
        return by_name(path, joined);
    }
    let entry = |name: String| Some((name.clone(), Value::from(joined(&name)?)));
    Value::Object(all.into_iter().filter_map(|field| entry(field.name)).collect::<Map<_, _>>())
}

/// A variable, or what lies inside it.
fn variable(path: &[Cow<'_, Value>]) -> Value {
    let Some((name, rest)) = path.split_first() else { return Value::Null };
    let json = name.as_str().and_then(variables::get_json);
    let mut value = json.and_then(|json| from_str(&json).ok()).unwrap_or(Value::Null);
    for key in rest {
        value = member(&value, key).map_or(Value::Null, Cow::into_owned);
    }
    value
}
