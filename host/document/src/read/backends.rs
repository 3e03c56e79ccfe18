//! `backends`, and where an API's requests go.

use std::collections::HashMap;
use std::sync::Arc;

use tollgate_core::base_url::BaseUrl;
use tollgate_core::message::Scheme;

use super::fields::Fields;
use super::products::Ids;
use super::{Reader, Seen, origin};
use crate::backend::{Backend, BreakerRule, Member, OriginTls};
use crate::yaml::{Content, Node};

const KEYS: [&str; 6] = ["id", "url", "tls", "pool", "circuit-breaker", "ejection"];

const MEMBER_KEYS: [&str; 6] = ["url", "backend", "tls", "weight", "priority", "circuit-breaker"];

/// Origins of one pool: more than API management's 30 by far, and each is looked at for each request.
const MAX_MEMBERS: usize = 100;

/// Backends that can be referred to.
pub(super) struct KnownBackends<'a> {
    ids: Ids<'a>,
    by_id: HashMap<&'a str, &'a Backend>,
}

impl<'a> KnownBackends<'a> {
    pub(super) fn of(backends: &'a [Backend]) -> KnownBackends<'a> {
        KnownBackends {
            ids: Ids::of(backends.iter().map(|backend| backend.id.as_str())),
            by_id: backends.iter().map(|backend| (backend.id.as_str(), backend)).collect(),
        }
    }
}

/// Where an API's requests go.
pub(super) struct ApiBackend {
    pub(super) origin: BaseUrl,
    pub(super) tls: OriginTls,
    pub(super) id: Option<String>,
}

impl Reader<'_> {
    pub(super) fn backends(&mut self, node: Option<&Arc<Node>>) -> Vec<Backend> {
        let mut ids = Seen::default();
        let entries = self.each(node, "backends", &KEYS);
        let mut backends = Vec::with_capacity(entries.len());
        for fields in &entries {
            let id = self.id(fields, "a backend");
            ids.check(self, "backend id", &id, fields.mark_of("id"));
            let members = match fields.get("pool") {
                None => vec![self.single(fields, &id)],
                // Their members may refer to backends that come later.
                Some(_) => Vec::new(),
            };
            backends.push(Backend { id, members, ejection: None, mark: fields.mark });
        }
        let singles = backends.clone();
        let known = KnownBackends::of(&singles);
        for (fields, backend) in entries.iter().zip(&mut backends) {
            if let Some(pool) = fields.get("pool") {
                backend.members = self.pool(fields, pool, &backend.id, &known);
                backend.ejection = self.ejection(fields.get("ejection"));
            }
        }
        backends
    }

    /// A backend with a `url`.
    fn single(&mut self, fields: &Fields<'_>, id: &str) -> Member {
        let origin = self.required(fields, "url", "a backend").and_then(|node| self.origin(node));
        let tls = self.tls(fields, origin.as_ref());
        let breaker = fields.get("circuit-breaker").map(|node| self.circuit_breaker(node)).unwrap_or_default();
        if let Some((key, _)) = fields.entry("ejection") {
            self.error(
                key.mark,
                "expected no `ejection` beside `url`; it is for a `pool`, a `circuit-breaker` for one origin",
            );
        }
        let origin = origin.unwrap_or_else(origin::placeholder);
        Member { origin, tls, weight: 1, priority: 1, breaker, breaker_name: id.to_owned() }
    }

    /// The members of a `pool`.
    fn pool(&mut self, fields: &Fields<'_>, pool: &Arc<Node>, id: &str, known: &KnownBackends<'_>) -> Vec<Member> {
        for key in ["url", "tls"] {
            if let Some((found, _)) = fields.entry(key) {
                self.error(found.mark, format!("expected no `{key}` beside `pool`; its members have their own"));
            }
        }
        let breaker = fields.get("circuit-breaker").map(|node| self.circuit_breaker(node)).unwrap_or_default();
        let mut members = Vec::new();
        for fields in self.each(Some(pool), "origins", &MEMBER_KEYS) {
            members.extend(self.member(&fields, id, &breaker, known));
        }
        if members.len() > MAX_MEMBERS {
            self.error(pool.mark, format!("expected at most {MAX_MEMBERS} origins in `pool`, found {}", members.len()));
        }
        if members.is_empty() {
            if matches!(&pool.content, Content::List(items) if items.is_empty()) {
                self.error(pool.mark, "expected at least one origin in `pool`, found an empty list");
            }
            let (origin, tls) = (origin::placeholder(), OriginTls::default());
            members.push(Member { origin, tls, weight: 1, priority: 1, breaker, breaker_name: id.to_owned() });
        }
        members
    }

    fn member(
        &mut self,
        fields: &Fields<'_>,
        pool: &str,
        breaker: &[BreakerRule],
        known: &KnownBackends<'_>,
    ) -> Option<Member> {
        let mut member = match (fields.get("backend"), fields.get("url")) {
            (Some(reference), None) => {
                for key in ["tls", "circuit-breaker"] {
                    if let Some((found, _)) = fields.entry(key) {
                        self.error(
                            found.mark,
                            format!("expected no `{key}` beside `backend`; that backend has its own"),
                        );
                    }
                }
                let id = self.reference(reference, "backend", &known.ids)?;
                let Some(single) = known.by_id.get(id.as_str()).and_then(|backend| backend.members.first()) else {
                    self.error(reference.mark, format!("`{id}` is a pool; a pool's members are single origins"));
                    return None;
                };
                let mut member = single.clone();
                if member.breaker.is_empty() {
                    breaker.clone_into(&mut member.breaker);
                    member.breaker_name = format!("{pool}/{id}");
                }
                member
            }
            (None, Some(url)) => {
                let origin = self.origin(url);
                let tls = self.tls(fields, origin.as_ref());
                let own = fields.get("circuit-breaker").map(|node| self.circuit_breaker(node));
                let origin = origin.unwrap_or_else(origin::placeholder);
                Member {
                    breaker: own.unwrap_or_else(|| breaker.to_vec()),
                    breaker_name: format!("{pool}/{origin}"),
                    origin,
                    tls,
                    weight: 1,
                    priority: 1,
                }
            }
            (Some(_), Some(_)) | (None, None) => {
                self.error(fields.mark, "expected either `url` or `backend` in an origin of a pool");
                return None;
            }
        };
        let mut set = |key: &str, value: &mut u32| {
            if let Some(found) = fields.get(key).and_then(|node| self.integer(node, 1, 100)) {
                *value = u32::try_from(found).unwrap_or(*value);
            }
        };
        set("weight", &mut member.weight);
        set("priority", &mut member.priority);
        Some(member)
    }

    /// `backend` and `tls` of an API.
    pub(super) fn api_backend(&mut self, fields: &Fields<'_>, known: &KnownBackends<'_>) -> ApiBackend {
        let node = self.required(fields, "backend", "an API");
        if let Some(node) = node
            && matches!(node.content, Content::Mapping(_))
        {
            if let Some((key, _)) = fields.entry("tls") {
                self.error(key.mark, "expected no `tls` beside `backend: { id: … }`; write it in `backends`");
            }
            return match self.backend_reference(node, known) {
                Some(backend) => {
                    let first = backend.members.first().map(|member| (member.origin.clone(), member.tls.clone()));
                    let (origin, tls) = first.unwrap_or_else(|| (origin::placeholder(), OriginTls::default()));
                    ApiBackend { origin, tls, id: Some(backend.id.clone()) }
                }
                None => ApiBackend { origin: origin::placeholder(), tls: OriginTls::default(), id: None },
            };
        }
        let origin = node.and_then(|node| self.origin(node));
        let tls = self.tls(fields, origin.as_ref());
        ApiBackend { origin: origin.unwrap_or_else(origin::placeholder), tls, id: None }
    }

    fn backend_reference<'a>(&mut self, node: &Node, known: &KnownBackends<'a>) -> Option<&'a Backend> {
        let fields = self.fields(node, "a mapping with the key `id`", &["id"]);
        let id = self.required(&fields, "id", "a reference to a backend")?;
        let id = self.reference(id, "backend", &known.ids)?;
        known.by_id.get(id.as_str()).copied()
    }

    pub(super) fn origin(&mut self, node: &Node) -> Option<BaseUrl> {
        let text = self.text(node, origin::EXPECTED)?;
        match origin::parse(text) {
            Ok(origin) => Some(origin),
            Err(expected) if text.contains('@') => {
                self.expected_of_secret(expected, node);
                None
            }
            Err(expected) => {
                self.expected(expected, node);
                None
            }
        }
    }

    pub(super) fn tls(&mut self, fields: &Fields<'_>, origin: Option<&BaseUrl>) -> OriginTls {
        let mut tls = OriginTls::default();
        let Some((key, node)) = fields.entry("tls") else {
            return tls;
        };
        if origin.is_some_and(|origin| origin.scheme == Scheme::Http) {
            self.error(key.mark, "expected no `tls` beside an `http` URL; write `https` if the origin speaks TLS");
        }
        let fields = self.fields(node, "a mapping with the keys `ca-file` and `verify`", &["ca-file", "verify"]);
        tls.ca_file = fields.get("ca-file").and_then(|node| self.file(node, "the path of a file of certificates"));
        tls.verify = self.flag(&fields, "verify", true);
        tls
    }
}
