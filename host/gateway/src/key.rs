//! Where a client shows its subscription key, and how it is taken away before anybody else sees it.

use std::borrow::Cow;

use http::header::HeaderMap;
use http::uri::PathAndQuery;
use tollgate_core::path;

use crate::plan::Api;

/// A client shows several keys in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ambiguous;

/// The key that a client shows: the header, and only if there is none the query parameter. An empty one is none.
///
/// # Errors
///
/// Several headers or several parameters, whatever they say: whoever else reads the request may take another one.
pub(crate) fn presented_key<'r>(
    api: &Api,
    headers: &'r HeaderMap,
    target: &'r PathAndQuery,
) -> Result<Option<Cow<'r, [u8]>>, Ambiguous> {
    if let Some(header) = only(headers.get_all(&api.key_names.header).into_iter())? {
        return Ok((!header.is_empty()).then(|| header.as_bytes().into()));
    }
    let Some((_, value)) = only(query_pairs(target).filter(|(name, _)| *name == api.key_names.query))? else {
        return Ok(None);
    };
    Ok(match path::decode_query(value) {
        text if text.is_empty() => None,
        Cow::Borrowed(text) => Some(text.as_bytes().into()),
        Cow::Owned(text) => Some(text.into_bytes().into()),
    })
}

fn only<T>(mut shown: impl Iterator<Item = T>) -> Result<Option<T>, Ambiguous> {
    let first = shown.next();
    if shown.next().is_some() { Err(Ambiguous) } else { Ok(first) }
}

/// The query's parameters: name decoded, value as sent.
fn query_pairs(target: &PathAndQuery) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    target.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (path::decode_query(name), value)
    })
}

/// The key is for the gateway: neither policies' caches and logs nor the origin see it.
pub(crate) fn without_key(target: PathAndQuery, headers: &mut HeaderMap, api: &Api) -> PathAndQuery {
    headers.remove(&api.key_names.header);
    if !query_pairs(&target).any(|(name, _)| name == api.key_names.query) {
        return target;
    }
    let kept: Vec<&str> = target
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| path::decode_query(pair.split_once('=').map_or(*pair, |(name, _)| name)) != api.key_names.query)
        .collect();
    let text = match kept.is_empty() {
        true => target.path().to_owned(),
        false => format!("{}?{}", target.path(), kept.join("&")),
    };
    // Parts of a target that was one; should it not be one after all, the path alone is.
    PathAndQuery::try_from(text).unwrap_or_else(|_| PathAndQuery::from_static("/"))
}
