//! Times of what can be called without a server. `cargo xtask bench criterion` runs them.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::Method;
use tollgate_caching::key::{canonical_authority, canonical_query};
use tollgate_core::message::Scheme;
use tollgate_expression::{Context, Expression, Fact, Object, Table, Value};
use tollgate_pieces::Scene;

const HEADER: &str = "set-header: { name: x-bench, value: \"${request.headers['x-tenant']}\" }";

/// From lending an exchange to a store until it is back; making the exchange isn't counted.
fn calls(criterion: &mut Criterion) {
    let limit =
        "rate-limit-by-key: { calls: 1000000000, renewal-period: 60, counter-key: \"${request.headers['x-tenant']}\" }";
    let scenes = [
        ("call/empty, warm", Scene::empty("warm")),
        ("call/empty, fresh", Scene::empty("fresh")),
        ("call/one header, warm", Scene::built_in("set-header", HEADER)),
        ("call/one header, fresh", Scene::built_in("set-header", &format!("{{ {HEADER}, isolation: fresh }}"))),
        ("call/rate limit, warm", Scene::built_in("rate-limit-by-key", limit)),
    ];
    for (name, scene) in scenes {
        let scene = std::cell::RefCell::new(scene);
        criterion.bench_function(name, |bencher| {
            let exchange = || scene.borrow_mut().exchange();
            bencher.iter_batched(exchange, |exchange| scene.borrow().call(exchange), BatchSize::SmallInput);
        });
    }
    // Equal questions aren't asked twice.
    let scene = Scene::built_in("set-header", HEADER);
    criterion.bench_function("call/one header, decided before", |bencher| {
        let exchange = || tollgate_pieces::exchange("acme");
        bencher.iter_batched(exchange, |exchange| scene.call(exchange), BatchSize::SmallInput);
    });
}

/// A path made one, its API and operation found, and its key's subscription.
fn ways(criterion: &mut Criterion) {
    let few = tollgate_pieces::operations(10);
    let many = tollgate_pieces::operations(10_000);
    for (name, plan, key) in [
        ("way/10 operations, no key", &few, None),
        ("way/10 operations, a key", &few, Some("a-secret-key")),
        ("way/10,000 operations, a key", &many, Some("a-secret-key")),
    ] {
        assert_eq!(plan.way(&Method::GET, "/a/kind-7/1/parts/2", key).is_ok(), key.is_some(), "{name}");
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| plan.way(&Method::GET, black_box("/a/kind-7/1/parts/2"), black_box(key)).is_ok());
        });
    }
}

/// A request with the header `x-tenant`.
struct Request;

impl Context for Request {
    fn fact(&self, fact: Fact) -> Value {
        match fact {
            Fact::RequestPath => Value::String("/orders/7/lines".into()),
            Fact::RequestMethod => Value::String("GET".into()),
            _ => Value::Null,
        }
    }

    fn entry(&self, table: Table, key: &str) -> Option<Value> {
        (table == Table::RequestHeaders && key == "x-tenant").then(|| Value::String("acme-7".into()))
    }

    fn table(&self, _: Table) -> Value {
        Value::Null
    }

    fn has(&self, object: Object) -> bool {
        object != Object::Product
    }
}

fn expressions(criterion: &mut Criterion) {
    let sources = [
        ("expression/header", "request.headers['x-tenant']"),
        ("expression/condition", "request.headers['x-tenant'].startsWith('acme') && request.path.size() > 3"),
        ("expression/pattern", "request.path.matches('^/orders/[0-9]+/lines$')"),
        ("expression/digest", "hex.encode(sha256(request.path))"),
    ];
    for (name, source) in sources {
        let Ok(expression) = Expression::compile(source) else { continue };
        criterion.bench_function(name, |bencher| bencher.iter(|| black_box(&expression).evaluate(&Request)));
    }
}

fn cache_keys(criterion: &mut Criterion) {
    criterion.bench_function("cache key/query in order", |bencher| {
        bencher.iter(|| canonical_query(black_box("fields=name&page=2&size=50")).len());
    });
    criterion.bench_function("cache key/query out of order", |bencher| {
        bencher.iter(|| canonical_query(black_box("size=50&page=2&fields=name")).len());
    });
    criterion.bench_function("cache key/authority", |bencher| {
        bencher.iter(|| canonical_authority(Scheme::Https, black_box("API.example.com:443")).len());
    });
}

criterion_group!(pieces, calls, ways, expressions, cache_keys);
criterion_main!(pieces);
