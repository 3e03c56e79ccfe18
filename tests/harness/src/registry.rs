//! An OCI registry on loopback (distribution specification 1.1): as much of one as pushing and pulling need, and its
//! failures.

use crate::message::{Request, Response};
use crate::origin::Origin;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Whom a registry lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    Open,
    /// `Basic` with these base64 characters.
    Basic(String),
    /// A token from the registry's own `/token`, which wants to see the same.
    Token(String),
}

/// How a registry goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mischief {
    None,
    /// Manifests have one more byte than was pushed.
    OtherManifest,
    /// Components have other bytes.
    OtherBlob,
    /// Components lie elsewhere: a redirect.
    Elsewhere,
}

/// A registry. It stops when it is dropped.
pub struct Registry {
    origin: Origin,
    store: Arc<Mutex<Store>>,
}

struct Store {
    door: Door,
    mischief: Mischief,
    /// Blobs and manifests by digest, manifests by tag, too.
    kept: BTreeMap<String, Vec<u8>>,
}

const TOKEN: &str = "a-token-of-this-test";

impl Registry {
    pub fn start(door: Door) -> Self {
        let store = Arc::new(Mutex::new(Store { door, mischief: Mischief::None, kept: BTreeMap::new() }));
        let served = Arc::clone(&store);
        let origin = Origin::start(move |request: &Request| {
            served.lock().unwrap_or_else(PoisonError::into_inner).answer(request)
        });
        Self { origin, store }
    }

    /// Host and port.
    pub fn name(&self) -> String {
        self.origin.address().to_string()
    }

    /// Go wrong from now on.
    pub fn misbehave(&self, mischief: Mischief) {
        self.store.lock().unwrap_or_else(PoisonError::into_inner).mischief = mischief;
    }

    /// Put a manifest there by hand; returns its digest.
    pub fn put_manifest(&self, manifest: &str) -> String {
        let digest = digest_of(manifest.as_bytes());
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.kept.insert(digest.clone(), manifest.as_bytes().to_vec());
        digest
    }

    pub fn requests(&self) -> Vec<Request> {
        self.origin.requests()
    }
}

fn digest_of(bytes: &[u8]) -> String {
    let digits: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

impl Store {
    fn answer(&mut self, request: &Request) -> Response {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let host = request.headers.get("host").unwrap_or_default().to_owned();
        if path == "/token" {
            return self.token(request, query);
        }
        if let Some(digest) = path.strip_prefix("/elsewhere/") {
            // The store behind a registry must not see what the registry sees.
            return match request.headers.has("authorization") {
                true => Response::new(400),
                false => self.found(digest, "application/octet-stream"),
            };
        }
        let shown = request.headers.get("authorization").unwrap_or_default();
        let challenge = match &self.door {
            Door::Basic(known) if shown != format!("Basic {known}") => "Basic realm=\"test\"".to_owned(),
            Door::Token(_) if shown != format!("Bearer {TOKEN}") => {
                format!("Bearer realm=\"http://{host}/token\",service=\"test\",scope=\"repository:acme/x:pull\"")
            }
            _ => return self.let_in(request, path, query, &host),
        };
        Response::new(401).header("www-authenticate", challenge).body("{\"errors\":[]}")
    }

    fn token(&self, request: &Request, query: &str) -> Response {
        let Door::Token(known) = &self.door else { return Response::new(404) };
        let right = request.headers.get("authorization") == Some(&format!("Basic {known}"))
            && query.contains("service=test")
            && query.contains("scope=repository%3Aacme%2Fx%3Apull");
        match right {
            true => Response::new(200).body(format!("{{\"token\":\"{TOKEN}\"}}")),
            false => Response::new(401),
        }
    }

    fn let_in(&mut self, request: &Request, path: &str, query: &str, host: &str) -> Response {
        let last = path.rsplit('/').next().unwrap_or_default();
        match (request.method.as_str(), path) {
            ("POST", path) if path.ends_with("/blobs/uploads/") => {
                Response::new(202).header("location", format!("http://{host}{path}one?state=a%2Fb"))
            }
            ("PUT", path) if path.contains("/blobs/uploads/") => {
                let digest = query.split('&').find_map(|pair| pair.strip_prefix("digest=")).unwrap_or_default();
                match digest == digest_of(&request.body) && query.contains("state=a%2Fb") {
                    true => self.kept.insert(digest.to_owned(), request.body.clone()),
                    false => return Response::new(400),
                };
                Response::new(201)
            }
            ("PUT", path) if path.contains("/manifests/") => {
                self.kept.insert(digest_of(&request.body), request.body.clone());
                self.kept.insert(last.to_owned(), request.body.clone());
                Response::new(201)
            }
            ("GET" | "HEAD", path) if path.contains("/blobs/") => match self.mischief {
                Mischief::Elsewhere => Response::new(307).header("location", format!("http://{host}/elsewhere/{last}")),
                Mischief::OtherBlob => {
                    let bytes = self.kept.get(last).map(Vec::len).unwrap_or_default();
                    Response::new(200).body(vec![0; bytes])
                }
                _ => self.found(last, "application/octet-stream"),
            },
            ("GET", path) if path.contains("/manifests/") => {
                let kind = "application/vnd.oci.image.manifest.v1+json";
                let mut response = self.found(last, kind);
                if self.mischief == Mischief::OtherManifest {
                    response.body.push(b' ');
                }
                response
            }
            _ => Response::new(404),
        }
    }

    fn found(&self, name: &str, kind: &str) -> Response {
        match self.kept.get(name) {
            Some(bytes) => Response::new(200).header("content-type", kind).body(bytes.clone()),
            None => Response::new(404),
        }
    }
}
