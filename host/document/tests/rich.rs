//! A rich document is read as it was meant, and a poor one gets the defaults.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly, its helpers too")]

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tollgate_core::egress::Access;
use tollgate_core::grants::Capability;
use tollgate_core::limits::{Class, Limits};
use tollgate_core::message::Scheme;
use tollgate_core::place::Section;
use tollgate_document::{
    AccessLog, ComponentFile, Document, Entry, GatewayLimits, Isolation, Known, Mark, Mode, OnFailure, OriginTls,
    ProductState, Segment, StateSettings, Statement, SubscriptionScope, SubscriptionState, Timestamp,
};

const BUILT_INS: [&str; 4] = ["ip-filter", "quota", "rate-limit", "set-header"];

fn read(text: &str) -> Document {
    let env = |name: &str| match name {
        "WORKERS" => Some("2".to_owned()),
        "NOTE" => Some("\": [".to_owned()),
        "ACME_KEY" => Some("12345".to_owned()),
        _ => None,
    };
    let known = Known { built_ins: &BUILT_INS };
    let (document, diagnostics) = Document::parse(Path::new("/etc/tollgate/tollgate.yaml"), text, &known, &env);
    assert!(diagnostics.is_empty(), "{diagnostics}");
    document.unwrap()
}

fn rich() -> Document {
    read(include_str!("documents/rich.yaml"))
}

fn rate_limit(document: &Document) -> &Statement {
    let (_, statement) = document.apis[0].policies.statements().next().unwrap();
    statement
}

#[test]
fn settings_are_read() {
    let document = rich();
    assert_eq!(document.listen, ["127.0.0.1:8080".parse().unwrap(), "[::1]:8080".parse().unwrap()]);
    assert_eq!(document.admin, None);
    assert_eq!(document.workers, Some(2));
    let proxies: Vec<_> = document.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"]);
    assert_eq!(document.access_log, AccessLog::Stderr);

    let limits = &document.limits;
    assert_eq!(limits.request_header_timeout, Duration::from_millis(2_500));
    assert_eq!(limits.timeouts.total, None);
    assert_eq!(limits.drain_timeout, Duration::ZERO);
    assert_eq!(limits.header_bytes, 32 << 10);
    assert_eq!(limits.request_body_bytes, 10 << 20);
    assert_eq!(limits.origin_idle_timeout, Duration::from_secs(10));

    let state = &document.state;
    assert_eq!(state.directory.as_deref(), Some(Path::new("/etc/tollgate/./state")));
    assert_eq!(state.cache_entry_bytes, 1 << 20, "an entry isn't larger than the cache");
    assert_eq!(state.quota_flush, Duration::from_millis(10));
}

#[test]
fn apis_and_operations_are_read() {
    let document = rich();
    let api = document.api("orders").unwrap();
    assert_eq!(api.path, "shop/orders");
    assert_eq!(api.backend.to_string(), "http://127.0.0.1:9000/v1");
    assert!(api.subscription_required);
    assert_eq!(api.subscription_key_names.header, "api-key");
    assert_eq!(api.subscription_key_names.query, "subscription-key");
    assert_eq!(api.timeouts.connect, Duration::from_secs(1), "inherited from the gateway's limits");
    assert_eq!(api.timeouts.response_header, Duration::from_millis(250));
    assert_eq!(api.timeouts.total, None);
    assert_eq!(api.mark, Mark { line: 34, column: 5 });

    let [list, get, rest, put] = api.operations.as_slice() else { panic!("four operations") };
    assert_eq!(list.method.as_deref(), Some("GET"));
    assert_eq!(list.template.segments, [Segment::Literal(String::new())]);
    let parameter = |name: &str| Segment::Parameter { prefix: String::new(), name: name.into(), suffix: String::new() };
    assert_eq!(get.template.segments, [parameter("orderId")]);
    assert_eq!(rest.method, None);
    assert_eq!(rest.template.segments, [parameter("orderId"), Segment::Literal("lines".into())]);
    assert!(rest.template.wildcard);
    assert_eq!(rest.definition, json!({ "id": "rest", "method": "*", "url": "/{orderId}/lines/*" }));
    let representation = json!({
        "content-type": "application/json",
        "schema": { "type": "object", "required": ["id"] },
        "example": { "id": 7 },
    });
    let expected = json!({
        "id": "put",
        "method": "PUT",
        "url": "/{orderId}",
        "parameters": { "path": [{ "name": "orderId", "required": true }] },
        "request": { "representations": [representation] },
        "responses": [{ "status": 204, "headers": [{ "name": "ETag", "required": true }] }],
    });
    assert_eq!(put.definition, expected);

    let root = document.api("root").unwrap();
    assert_eq!(root.path, "");
    assert!(!root.subscription_required);
    assert!(root.policies.section(Section::Inbound).is_none());
}

#[test]
fn statements_are_read_with_their_places() {
    let document = rich();
    let statement = rate_limit(&document);
    assert_eq!(statement.name, "rate-limit");
    let expected = json!({ "calls": 20, "renewal-period": 60, "note": "price in $ and \": [", "big": u64::MAX });
    assert_eq!(statement.config, expected);
    assert_eq!(statement.place(), "apis/orders/inbound/1");
    assert_eq!(statement.label(), "burst");
    assert_eq!(statement.on_failure, OnFailure::Open);
    assert_eq!(statement.isolation, Isolation::Fresh);
    assert_eq!(statement.mode, Mode::Observe);
    assert_eq!(statement.limits.over(Class::Compact), Limits { fuel: 5, memory_bytes: 1 << 20, ..Limits::default() });

    let places: Vec<_> = document
        .policy_documents()
        .flat_map(|policies| policies.statements())
        .map(|(_, statement)| statement.place())
        .collect();
    assert_eq!(
        places,
        [
            "global/inbound/0",
            "products/starter/inbound/0",
            "apis/orders/inbound/1",
            "apis/orders/inbound/2",
            "apis/orders/operations/get/inbound/1",
            "apis/orders/operations/rest/inbound/1",
        ]
    );
    let (_, bare) = document.apis[0].policies.statements().nth(1).unwrap();
    assert_eq!(bare.config, json!(null));
    let (_, shared) = document.apis[0].operations[2].policies.statements().next().unwrap();
    assert_eq!(shared.config, json!({ "name": "x", "values": ["a", 1, true, null] }));
}

#[test]
fn sections_tell_what_is_inherited() {
    let document = rich();
    let inbound = document.policies.section(Section::Inbound).unwrap();
    assert!(matches!(inbound, [Entry::Statement(_), Entry::Base]));
    assert!(
        matches!(document.policies.section(Section::Backend), Some([Entry::ForwardRequest(forward)]) if forward.timeout.is_none())
    );
    assert!(document.policies.section(Section::Outbound).is_none());
    assert_eq!(document.policies.section(Section::OnError).map(<[Entry]>::len), Some(0));
    let Some([Entry::ForwardRequest(forward)]) = document.apis[0].policies.section(Section::Backend) else {
        panic!("one entry")
    };
    let timeout = forward.timeout.as_ref().and_then(|timeout| timeout.literal());
    assert_eq!(timeout, Some(&Duration::from_millis(1_500)));
}

#[test]
fn a_place_in_a_configuration_is_found_by_its_pointer() {
    let document = rich();
    let statement = rate_limit(&document);
    assert_eq!(statement.mark(), Mark { line: 42, column: 11 });
    assert_eq!(statement.mark_at(""), Mark { line: 43, column: 13 });
    assert_eq!(statement.mark_at("/calls"), Mark { line: 43, column: 20 });
    assert_eq!(statement.mark_of_key("", "renewal-period"), Mark { line: 44, column: 13 });
    assert_eq!(statement.mark_at("/absent/deeper"), statement.mark_at(""));
    assert_eq!(statement.mark_of_key("/calls", "x"), statement.mark_at("/calls"));
    let (_, filter) = document.policies.statements().next().unwrap();
    assert_eq!(filter.mark_at("/addresses/0"), Mark { line: 29, column: 48 });
}

#[test]
fn products_subscriptions_and_components_are_read() {
    let document = rich();
    assert_eq!(document.product("starter").unwrap().state, ProductState::Published);
    assert_eq!(document.product("open").unwrap().state, ProductState::NotPublished);
    assert_eq!(document.product("open").unwrap().apis, ["orders", "root"]);

    let [acme, beta, ops] = document.subscriptions.as_slice() else { panic!("three subscriptions") };
    assert_eq!(acme.scope, SubscriptionScope::Product("starter".into()));
    let keys: Vec<_> = acme.keys().map(|key| key.reveal()).collect();
    assert_eq!(keys, ["12345", "0123"]);
    assert_eq!(acme.owner.as_deref(), Some("Ada.Lovelace"));
    assert_eq!(acme.state, SubscriptionState::Active);
    assert_eq!(acme.start_date, Timestamp(0));
    assert!(!format!("{document:?}").contains("12345"));
    assert_eq!(beta.owner, None);
    assert_eq!(beta.scope, SubscriptionScope::Api("orders".into()));
    assert_eq!(beta.state, SubscriptionState::Suspended);
    assert_eq!(beta.start_date, Timestamp(1_769_850_000));
    assert_eq!(beta.expiration_date, Some(Timestamp(1_801_382_400)));
    assert_eq!(ops.scope, SubscriptionScope::AllApis);

    let [component] = document.components.as_slice() else { panic!("one component") };
    assert_eq!(component.file, ComponentFile::Path("/etc/tollgate/./add_tenant.wasm".into()));
    let digest = component.digest.unwrap().to_string();
    assert_eq!(digest, format!("sha256:{}", "00112233445566778899aabbccddeeff".repeat(2)));
    let granted: Vec<_> = Capability::ALL.into_iter().filter(|c| component.grants.allows(*c)).collect();
    let expected = [
        Capability::Cache,
        Capability::Metrics,
        Capability::HttpClient,
        Capability::Backend,
        Capability::Events,
        Capability::Log,
        Capability::Clock,
        Capability::Expression,
        Capability::Crypto,
    ];
    assert_eq!(granted, expected);
    let egress = &component.egress;
    let public = egress.access(Scheme::Https, "a.tenants.example", 443);
    assert_eq!(public, Some(Access { private: false }));
    let private = egress.access(Scheme::Http, "keys.internal", 8080);
    assert_eq!(private, Some(Access { private: true }));
    assert_eq!(egress.access(Scheme::Https, "example.com", 443), None);
}

#[test]
fn what_the_gateway_calls_and_writes_is_read() {
    let document = rich();
    let [v2, old] = document.backends.as_slice() else { panic!("two backends") };
    let [member] = v2.members.as_slice() else { panic!("one origin") };
    assert_eq!(member.origin.to_string(), "https://b.example/v2");
    assert_eq!(member.origin.scheme, Scheme::Https);
    assert_eq!(member.tls, OriginTls { ca_file: Some("/etc/ca.pem".into()), verify: false });
    assert_eq!((member.weight, member.priority, member.breaker.len()), (1, 1, 0));
    assert_eq!(old.members[0].tls, OriginTls::default());
    assert!(old.members[0].tls.verify);
    assert_eq!(document.backend("old").map(|backend| &backend.id), Some(&old.id));

    let next = document.api("next").unwrap();
    assert_eq!((&next.backend, &next.tls), (&member.origin, &member.tls));
    assert_eq!(next.backend_id.as_deref(), Some("v2"));
    let secure = document.api("secure").unwrap();
    assert_eq!(secure.backend.to_string(), "https://secure.example:8443");
    assert_eq!(secure.tls.ca_file.as_deref(), Some(Path::new("/etc/tollgate/./ca.pem")));
    assert!(secure.tls.verify);

    let any = document.egress.access(Scheme::Https, "example.com", 443);
    assert_eq!(any, Some(Access { private: false }));
    let loopback = document.egress.access(Scheme::Http, "127.0.0.1", 9003);
    assert_eq!(loopback, Some(Access { private: true }));

    let [audit, small] = document.event_logs.as_slice() else { panic!("two event logs") };
    assert_eq!((audit.id.as_str(), audit.max_bytes), ("audit", 104_857_600));
    assert_eq!(audit.file, Path::new("/etc/tollgate/./audit.jsonl"));
    assert_eq!((small.file.as_path(), small.max_bytes), (Path::new("/var/log/small.jsonl"), 2 << 20));

    assert_eq!(document.schemas["order"], json!({ "type": "object", "required": ["id"] }));
}

#[test]
fn the_smallest_document_has_every_default() {
    let document = read("apis: []");
    assert_eq!(document.listen, ["127.0.0.1:8080".parse().unwrap()]);
    assert_eq!(document.admin, "127.0.0.1:9901".parse().ok());
    assert_eq!(document.workers, None);
    assert_eq!(document.limits, GatewayLimits::default());
    assert_eq!(document.state, StateSettings::default());
    assert_eq!(document.access_log, AccessLog::Stdout);
    assert!(document.egress.is_empty(), "nothing may be called");
    assert!(document.backends.is_empty() && document.event_logs.is_empty() && document.schemas.is_empty());
}
