use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, Method};
use tollgate_core::base_url::BaseUrl;
use tollgate_core::message::RequestHead;
use tollgate_runtime::{Facts, RouteFacts, SubscriptionFacts};

use super::*;

/// What a request is made of, as far as keys are concerned.
#[derive(Clone)]
struct Asked {
    api: &'static str,
    scheme: Scheme,
    authority: &'static str,
    target: &'static str,
    forwarded: Option<&'static str>,
    url: &'static str,
    backend: Option<BackendChoice>,
    product: Option<&'static str>,
    subscription: Option<&'static str>,
    port: Option<&'static str>,
}

const PLAIN: Asked = Asked {
    api: "orders",
    scheme: Scheme::Http,
    authority: "a.example",
    target: "/orders/7?a=1&b=2",
    forwarded: None,
    url: "http://10.0.0.1:9000/v1",
    backend: None,
    product: None,
    subscription: None,
    port: None,
};

fn exchange(asked: &Asked) -> Exchange {
    let route = RouteFacts {
        api: asked.api.into(),
        api_path: "orders".into(),
        operation: None,
        product: asked.product.map(Into::into),
        backend: BaseUrl::parse(asked.url).unwrap(),
        backends: Arc::default(),
    };
    let subscription = |id: &str| Arc::new(SubscriptionFacts { id: id.into(), start_unix_ms: 0, owner: None });
    let facts = Facts {
        request_id: Arc::from("1"),
        client_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        route: Arc::new(route),
        subscription: asked.subscription.map(subscription),
        parameters: Default::default(),
        started: Instant::now(),
    };
    let mut headers = HeaderMap::new();
    headers.extend(asked.port.map(|port| (http::HeaderName::from_static("x-forwarded-port"), port.parse().unwrap())));
    let request = RequestHead {
        method: Method::GET,
        scheme: asked.scheme,
        authority: asked.authority.into(),
        target: PathAndQuery::from_static(asked.target),
        headers,
    };
    let mut exchange = Exchange::new(facts, request);
    exchange.backend = asked.backend.clone();
    if let Some(forwarded) = asked.forwarded {
        exchange.request.target = PathAndQuery::from_static(forwarded);
    }
    exchange
}

fn store() -> CacheStore {
    CacheStore::new(1 << 20, 1 << 16)
}

#[test]
fn whatever_makes_another_response_makes_another_key() {
    let store = store();
    let url = |text: &str| Some(BackendChoice::Url(BaseUrl::parse(text).unwrap()));
    let all = [
        PLAIN,
        Asked { api: "other", ..PLAIN },
        Asked { scheme: Scheme::Https, ..PLAIN },
        Asked { authority: "b.example", ..PLAIN },
        Asked { authority: "a.example:8080", ..PLAIN },
        Asked { target: "/orders/8?a=1&b=2", ..PLAIN },
        Asked { target: "/orders/7/?a=1&b=2", ..PLAIN },
        Asked { target: "/orders/7?a=1&b=3", ..PLAIN },
        Asked { target: "/orders/7?a=1", ..PLAIN },
        Asked { target: "/orders/7?", ..PLAIN },
        Asked { target: "/orders/7", ..PLAIN },
        Asked { forwarded: Some("/x"), ..PLAIN },
        Asked { forwarded: Some("/y"), ..PLAIN },
        Asked { url: "http://10.0.0.2:9000/v1", ..PLAIN },
        Asked { url: "http://10.0.0.1:9001/v1", ..PLAIN },
        Asked { url: "https://10.0.0.1:9000/v1", ..PLAIN },
        Asked { url: "http://10.0.0.1:9000/v2", ..PLAIN },
        Asked { backend: Some(BackendChoice::Id("v2".into())), ..PLAIN },
        Asked { backend: url("http://v2"), ..PLAIN },
        Asked { backend: url("http://v3"), ..PLAIN },
        Asked { product: Some("starter"), ..PLAIN },
        Asked { subscription: Some("acme"), ..PLAIN },
        Asked { subscription: Some("other"), ..PLAIN },
        Asked { port: Some("8443"), ..PLAIN },
    ];
    let keys: HashSet<u128> = all.iter().map(|asked| Place::of(&store, &exchange(asked)).key(false)).collect();
    assert_eq!(keys.len(), all.len());
}

#[test]
fn what_means_the_same_makes_the_same_key() {
    let store = store();
    let key = |asked: &Asked, is_shared| Place::of(&store, &exchange(asked)).key(is_shared);
    for same in [Asked { authority: "A.EXAMPLE:80", ..PLAIN }, Asked { target: "/orders/7?b=2&a=1", ..PLAIN }] {
        assert_eq!(key(&same, false), key(&PLAIN, false));
    }
    let (acme, other) = (Asked { subscription: Some("acme"), ..PLAIN }, Asked { subscription: Some("other"), ..PLAIN });
    assert_eq!(key(&acme, true), key(&other, true));
    assert_ne!(key(&acme, false), key(&other, false));
}

#[test]
fn a_uri_is_the_same_whoever_asks() {
    let store = store();
    let uri = |asked: &Asked| Place::of(&store, &exchange(asked)).uri();
    for same in
        [Asked { subscription: Some("acme"), product: Some("p"), ..PLAIN }, Asked { forwarded: Some("/x"), ..PLAIN }]
    {
        assert_eq!(uri(&same), uri(&PLAIN));
    }
    for other in [Asked { authority: "b.example", ..PLAIN }, Asked { target: "/orders/8", ..PLAIN }] {
        assert_ne!(uri(&other), uri(&PLAIN));
    }
}

#[test]
fn what_a_response_names_is_found_by_its_public_name_and_by_the_origins() {
    let store = store();
    let (named, public) = (exchange(&PLAIN), exchange(&Asked { target: "/orders/9?x", ..PLAIN }));
    let wanted = Place::of(&store, &public).uri();
    let finds = |origin: Option<(Scheme, &str)>, target: &str| {
        let origin = origin.map(|(scheme, authority)| (scheme, authority.to_owned()));
        let named_uri = Named { origin, target: target.into() };
        Place::of(&store, &named).uris_of(&named_uri).any(|uri| uri == wanted)
    };
    assert!(finds(None, "/orders/9?x") && finds(Some((Scheme::Http, "A.example:80")), "/orders/9?x"));
    assert!(finds(None, "/v1/9?x") && finds(Some((Scheme::Http, "10.0.0.1:9000")), "/v1/9?x"));
    assert!(!finds(Some((Scheme::Https, "a.example")), "/orders/9?x"));
    assert!(!finds(Some((Scheme::Http, "evil.example")), "/orders/9?x"));
    assert!(!finds(Some((Scheme::Http, "10.0.0.1:9000")), "/orders/9?x"));
    assert!(!finds(None, "/orders/9"));
}
