//! The way of a request: its API, its operation, whether its key opens it, and so its chain.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::HeaderMap;
use http::uri::PathAndQuery;
use http::{Method, Uri, header};
use tollgate_core::message::RequestHead;
use tollgate_core::path;
use tollgate_core::place::Section;

use crate::admit::{self, KeyDigest, Permit, Refusal};
use crate::forwarded::Client;
use crate::guesses::{KeyGuesses, TooManyGuesses};
use crate::key::{Ambiguous, presented_key};
use crate::plan::{Api, Chain, Plan, Step};
use crate::respond::{KeyChallenge, Rejection};
use crate::route::Parameters;

/// A request that has found its way: everything that is needed from here on.
pub(super) struct Routed<'p> {
    pub(super) chain: &'p Arc<Chain>,
    pub(super) permit: Permit,
    pub(super) parameters: Parameters,
}

/// A request that has not: why, and what is known of its way.
pub(super) struct Unrouted<'p> {
    pub(super) rejection: Rejection,
    /// Its on-error section is what runs.
    pub(super) chain: &'p Arc<Chain>,
    pub(super) parameters: Parameters,
}

/// The one path that everything from here on sees, with the query as it was sent.
pub(super) fn normalised(uri: &Uri) -> Result<PathAndQuery, Rejection> {
    let sent = uri.path_and_query().ok_or(Rejection::MalformedTarget)?;
    match path::normalise(sent.path()).map_err(|_| Rejection::MalformedPath)? {
        Cow::Borrowed(_) => Ok(sent.clone()),
        Cow::Owned(normal) => {
            let text = match sent.query() {
                Some(query) => format!("{normal}?{query}"),
                None => normal,
            };
            PathAndQuery::try_from(text).map_err(|_| Rejection::MalformedPath)
        }
    }
}

/// Host and port that the client addressed; empty if it didn't say.
fn authority_of(client: &Client) -> &str {
    client.host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or_default()
}

/// What a request asks for, and who asks.
pub(super) struct Asked<'r> {
    pub(super) method: &'r Method,
    /// The path behind the API's.
    pub(super) rest: &'r str,
    pub(super) target: &'r PathAndQuery,
    pub(super) headers: &'r HeaderMap,
    pub(super) client: &'r Client,
}

pub(super) fn route<'p>(
    plan: &'p Plan,
    guesses: &KeyGuesses,
    api: &'p Api,
    asked: &Asked<'_>,
) -> Result<Routed<'p>, Unrouted<'p>> {
    let no_operation =
        || Unrouted { rejection: Rejection::OperationNotFound, chain: &api.nowhere, parameters: Parameters::new() };
    let (by_product, parameters) = api.operation(asked.method, asked.rest).ok_or_else(no_operation)?;
    match admit(plan, guesses, api, asked) {
        Ok(permit) => Ok(Routed { chain: by_product.chain(permit.product), permit, parameters }),
        Err(rejection) => Err(Unrouted { rejection, chain: by_product.chain(None), parameters }),
    }
}

/// Who calls, and in whose context.
fn admit(plan: &Plan, guesses: &KeyGuesses, api: &Api, asked: &Asked<'_>) -> Result<Permit, Rejection> {
    let client = asked.client;
    let key = presented_key(api, asked.headers, asked.target);
    let key = key.map_err(|Ambiguous| Rejection::SubscriptionKeyAmbiguous)?;
    let key = key.map(|key| KeyDigest::of(&key));
    let attempt = key.map(|key| guesses.attempt(client.address, plan.client_ipv6_prefix, &key));
    if let Some(attempt) = attempt {
        let checked = guesses.check(attempt, plan.key_guesses);
        checked.map_err(|TooManyGuesses(seconds)| Rejection::TooManyKeyGuesses(seconds))?;
    }
    let admitted = admit::admit(&plan.keys, &api.door, key.as_ref(), admit::unix_ms);
    match (&admitted, attempt) {
        (Ok(_), Some(attempt)) => guesses.accepted(attempt),
        (Err(_), Some(attempt)) if guesses.refused(attempt, plan.key_guesses) => {
            tracing::warn!(client_ip = %client.address, "a client tries out subscription keys: it is refused for a while");
        }
        _ => {}
    }
    admitted.map_err(|refusal| {
        let realm = format!("{}://{}/{}", client.scheme.as_str(), authority_of(client), api.path);
        let challenge = Box::new(KeyChallenge { realm, header: api.key_names.header_as_written.clone() });
        match refusal {
            Refusal::KeyMissing => Rejection::SubscriptionKeyMissing(challenge),
            Refusal::KeyInvalid => Rejection::SubscriptionKeyInvalid(challenge),
        }
    })
}

pub(super) fn head_of(method: Method, client: &Client, target: PathAndQuery, headers: HeaderMap) -> RequestHead {
    RequestHead { method, scheme: client.scheme, authority: authority_of(client).to_owned(), target, headers }
}

/// What answers a preflight (Fetch standard §3.2.2): the `cors` statements of the operation that the browser is about
/// to call, without a key, which a preflight never has. None if this is none, or if the API has an operation for it
/// (`apim.md` §1.7).
pub(super) fn preflight(api: &Api, rest: &str, method: &Method, headers: &HeaderMap) -> Option<Arc<Chain>> {
    if *method != Method::OPTIONS || !headers.contains_key(header::ORIGIN) {
        return None;
    }
    let wanted = headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    let wanted = Method::from_bytes(wanted.as_bytes()).ok()?;
    if let Some((own, _)) = api.operation(&Method::OPTIONS, rest)
        && own.without.facts.operation.as_ref().is_some_and(|own| own.method == Method::OPTIONS.as_str())
    {
        return None;
    }
    let chain = api.operation(&wanted, rest)?.0.chain(api.door.open_product);
    let mut cors = Vec::new();
    find_cors(chain.section(Section::Inbound), &mut cors);
    if cors.is_empty() {
        return None;
    }
    let sections = [cors, Vec::new(), Vec::new(), Vec::new()];
    Some(Arc::new(Chain::new(Arc::clone(&chain.facts), Arc::clone(&chain.forwarding), sections)))
}

/// `cors` statements, those in fragments and branches too.
fn find_cors(steps: &[Step], found: &mut Vec<Step>) {
    for step in steps {
        match step {
            Step::Statement(call) if call.statement.identity.name == "cors" => found.push(step.clone()),
            other => other.lists().into_iter().for_each(|list| find_cors(list, found)),
        }
    }
}
