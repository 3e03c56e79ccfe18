//! What a stored response stands under (`reliability.md` §2.6, row 54): API, scheme, authority, normalised path and
//! query as the client addressed them; the origin and what it is asked, which statements may have chosen; product and,
//! unless it is shared on purpose, subscription. The method is always `GET`, and nothing with a body gets here.

use http::uri::PathAndQuery;
use tollgate_caching::invalidation::Named;
use tollgate_caching::key::{canonical_authority, canonical_query};
use tollgate_core::edits::BackendChoice;
use tollgate_core::message::Scheme;
use tollgate_runtime::{CacheStore, Exchange};

/// Fields of trusted proxies that origins build URLs of, and that no `Vary` names.
const ADDRESSED: [&str; 2] = ["x-forwarded-port", "x-forwarded-prefix"];

/// The resource that an exchange is about.
#[derive(Clone, Copy)]
pub(crate) struct Place<'e> {
    store: &'e CacheStore,
    exchange: &'e Exchange,
}

impl<'e> Place<'e> {
    pub(crate) fn of(store: &'e CacheStore, exchange: &'e Exchange) -> Place<'e> {
        Place { store, exchange }
    }

    /// The key of its copies for this caller.
    pub(crate) fn key(&self, is_shared: bool) -> u128 {
        let exchange = self.exchange;
        let (request, route) = (&exchange.request, &exchange.facts.route);
        let authority = canonical_authority(request.scheme, &request.authority);
        let query = canonical_query(exchange.original_target.query().unwrap_or_default());
        // What is asked of the origin, if it isn't what the client asked for.
        let asked = (request.target != exchange.original_target).then(|| request.target.as_str());
        let (backend, url) = match &exchange.backend {
            None => ("", None),
            Some(BackendChoice::Id(id)) => (id.as_str(), None),
            Some(BackendChoice::Url(url)) => ("", Some(url.to_string())),
        };
        let subscription = exchange.facts.subscription.as_ref().filter(|_| !is_shared);
        let addressed =
            ADDRESSED.map(|name| request.headers.get(name).map_or(b"".as_slice(), |value| value.as_bytes()));
        let base = &route.backend;
        let port = base.port.to_be_bytes();
        let parts = [
            b"resource".as_slice(),
            route.api.as_bytes(),
            request.scheme.as_str().as_bytes(),
            authority.as_bytes(),
            exchange.original_target.path().as_bytes(),
            // A query that is there and empty makes another URI than none.
            if exchange.original_target.query().is_some() { b"?" } else { b"" },
            query.as_bytes(),
            asked.unwrap_or_default().as_bytes(),
            base.scheme.as_str().as_bytes(),
            base.host.as_bytes(),
            &port,
            base.base.as_bytes(),
            backend.as_bytes(),
            url.as_deref().unwrap_or_default().as_bytes(),
            route.product.as_deref().unwrap_or_default().as_bytes(),
            subscription.map_or(b"".as_slice(), |subscription| subscription.id.as_bytes()),
            addressed[0],
            addressed[1],
        ];
        self.store.key(parts.into_iter())
    }

    /// The key of a variant that isn't stored yet, as far as it can be told: what collapses.
    pub(crate) fn variant(&self, key: u128, selection: &[u8]) -> u128 {
        self.store.key([b"variant".as_slice(), &key.to_be_bytes(), selection].into_iter())
    }

    /// The key of its URI, whoever asks.
    pub(crate) fn uri(&self) -> u128 {
        let request = &self.exchange.request;
        self.uri_of(request.scheme, &request.authority, &self.exchange.original_target)
    }

    fn uri_of(&self, scheme: Scheme, authority: &str, target: &PathAndQuery) -> u128 {
        let authority = canonical_authority(scheme, authority);
        let query = canonical_query(target.query().unwrap_or_default());
        let parts = [
            b"uri".as_slice(),
            scheme.as_str().as_bytes(),
            authority.as_bytes(),
            target.path().as_bytes(),
            query.as_bytes(),
        ];
        self.store.key(parts.into_iter())
    }

    /// The keys of a URI that a response names, as far as it is of this origin: by its public name, and by the one
    /// that it has at the origin, which doesn't know the gateway's.
    pub(crate) fn uris_of(&self, named: &Named) -> impl Iterator<Item = u128> {
        let request = &self.exchange.request;
        let of_own = |(scheme, authority): &(Scheme, String)| {
            *scheme == request.scheme
                && canonical_authority(*scheme, authority) == canonical_authority(request.scheme, &request.authority)
        };
        let backend = self.exchange.base_url();
        let of_backend = |(scheme, authority): &(Scheme, String)| {
            *scheme == backend.scheme && canonical_authority(*scheme, authority) == backend.authority().as_str()
        };
        let public = named.origin.as_ref().is_none_or(of_own).then(|| named.target.clone());
        let at_origin =
            named.origin.as_ref().is_none_or(of_backend).then(|| self.public_target(&named.target)).flatten();
        let targets = [public, at_origin].into_iter().flatten();
        targets
            .filter_map(|target| PathAndQuery::try_from(target).ok())
            .map(|target| self.uri_of(request.scheme, &request.authority, &target))
    }

    /// The public target of one at the origin.
    fn public_target(&self, target: &str) -> Option<String> {
        let rest = target.strip_prefix(&self.exchange.base_url().base)?;
        let path = &self.exchange.facts.route.api_path;
        Some(if path.is_empty() { rest.to_owned() } else { format!("/{path}{rest}") })
    }
}

#[cfg(test)]
mod tests;
