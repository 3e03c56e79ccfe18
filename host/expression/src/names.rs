//! What the context's names stand for.

use crate::context::{Fact, Object, Table};
use crate::kinds::Kinds;

/// Whose body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
}

impl Side {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Side::Request => "request",
            Side::Response => "response",
        }
    }

    pub(crate) fn body(self) -> Fact {
        match self {
            Side::Request => Fact::RequestBody,
            Side::Response => Fact::ResponseBody,
        }
    }
}

/// What a name of the context stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Fact(Fact, Kinds),
    Table(Table),
    Body(Side),
    Json(Side),
}

/// An object of the context. It is no value: only its members are.
pub(crate) struct ObjectName {
    pub(crate) name: &'static str,
    /// None for the request, which is always there.
    pub(crate) object: Option<Object>,
    pub(crate) members: &'static [(&'static str, Meaning)],
}

impl ObjectName {
    pub(crate) fn member(&self, name: &str) -> Option<Meaning> {
        self.members.iter().find(|(member, _)| *member == name).map(|(_, meaning)| *meaning)
    }
}

const TEXT: Kinds = Kinds::STRING;
const TEXT_OR_NULL: Kinds = Kinds::STRING.or(Kinds::NULL);
const INT_OR_NULL: Kinds = Kinds::INTEGER.or(Kinds::NULL);

const fn text(fact: Fact) -> Meaning {
    Meaning::Fact(fact, TEXT)
}

const fn text_or_null(fact: Fact) -> Meaning {
    Meaning::Fact(fact, TEXT_OR_NULL)
}

/// Every object of the context and its members.
pub(crate) const OBJECTS: &[ObjectName] = &[
    ObjectName {
        name: "request",
        object: None,
        members: &[
            ("method", text(Fact::RequestMethod)),
            ("scheme", text(Fact::RequestScheme)),
            ("host", text_or_null(Fact::RequestHost)),
            ("port", Meaning::Fact(Fact::RequestPort, INT_OR_NULL)),
            ("path", text(Fact::RequestPath)),
            ("query_string", text_or_null(Fact::RequestQueryString)),
            ("url", text(Fact::RequestUrl)),
            ("original_url", text_or_null(Fact::RequestOriginalUrl)),
            ("client_ip", text_or_null(Fact::RequestClientIp)),
            ("client_network", text_or_null(Fact::RequestClientNetwork)),
            ("headers", Meaning::Table(Table::RequestHeaders)),
            ("query", Meaning::Table(Table::RequestQuery)),
            ("parameters", Meaning::Table(Table::RequestParameters)),
            ("body", Meaning::Body(Side::Request)),
            ("json", Meaning::Json(Side::Request)),
        ],
    },
    ObjectName {
        name: "response",
        object: Some(Object::Response),
        members: &[
            ("status", Meaning::Fact(Fact::ResponseStatus, INT_OR_NULL)),
            ("reason", text_or_null(Fact::ResponseReason)),
            ("headers", Meaning::Table(Table::ResponseHeaders)),
            ("body", Meaning::Body(Side::Response)),
            ("json", Meaning::Json(Side::Response)),
        ],
    },
    ObjectName {
        name: "api",
        object: Some(Object::Api),
        members: &[("id", text_or_null(Fact::ApiId)), ("path", text_or_null(Fact::ApiPath))],
    },
    ObjectName {
        name: "operation",
        object: Some(Object::Operation),
        members: &[
            ("id", text_or_null(Fact::OperationId)),
            ("method", text_or_null(Fact::OperationMethod)),
            ("url", text_or_null(Fact::OperationUrl)),
        ],
    },
    ObjectName { name: "product", object: Some(Object::Product), members: &[("id", text_or_null(Fact::ProductId))] },
    ObjectName {
        name: "subscription",
        object: Some(Object::Subscription),
        members: &[
            ("id", text_or_null(Fact::SubscriptionId)),
            ("start_date", Meaning::Fact(Fact::SubscriptionStartDate, TEXT_OR_NULL.or(Kinds::TIMESTAMP))),
        ],
    },
    ObjectName { name: "user", object: Some(Object::User), members: &[("id", text_or_null(Fact::UserId))] },
    ObjectName {
        name: "last_error",
        object: Some(Object::LastError),
        members: &[
            ("source", text_or_null(Fact::LastErrorSource)),
            ("reason", text_or_null(Fact::LastErrorReason)),
            ("message", text_or_null(Fact::LastErrorMessage)),
            ("scope", text_or_null(Fact::LastErrorScope)),
            ("section", text_or_null(Fact::LastErrorSection)),
            ("path", text_or_null(Fact::LastErrorPath)),
            ("policy_id", text_or_null(Fact::LastErrorPolicyId)),
            ("status", Meaning::Fact(Fact::LastErrorStatus, INT_OR_NULL)),
        ],
    },
];

/// The names that are values themselves.
pub(crate) const VALUES: &[(&str, Meaning)] = &[
    ("variables", Meaning::Table(Table::Variables)),
    ("now", Meaning::Fact(Fact::Now, Kinds::TIMESTAMP)),
    ("request_id", Meaning::Fact(Fact::RequestId, Kinds::STRING)),
    ("elapsed", Meaning::Fact(Fact::Elapsed, Kinds::DURATION)),
];

/// The names of kinds, which `type(x)` gives.
pub(crate) const KINDS: &[&str] =
    &["null_type", "bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration", "list", "map"];

/// What operators of other gateways and languages write for it.
pub(crate) const MISTAKEN: &[(&str, &str)] = &[
    ("context", "the members of `context` are names of their own: `request`, `response`, `variables`"),
    ("undefined", "what isn't there is `null`"),
    ("nil", "what isn't there is `null`"),
    ("None", "what isn't there is `null`"),
    ("True", "it is written `true`"),
    ("False", "it is written `false`"),
];

/// The candidate that `name` was most likely meant to be. Case, hyphens and underscores don't count; about one letter
/// in three may be wrong.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 32;
    if name.len() > LONGEST {
        return None;
    }
    let wanted = plain(name);
    let allowed = (wanted.len() / 3).clamp(1, 4);
    let near = candidates.into_iter().map(|candidate| (distance(&wanted, &plain(candidate)), candidate));
    let near = near.filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.len());
    near.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

fn plain(name: &str) -> Vec<char> {
    name.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// How many letters have to be put in, left out or changed.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.iter().enumerate() {
        let mut diagonal = line;
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
        for column in 0..other.len() {
            let changed = diagonal + usize::from(other.get(column) != Some(letter));
            diagonal = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}
