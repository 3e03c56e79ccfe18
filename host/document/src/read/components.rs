//! `components`: custom statements.

use std::sync::Arc;

use tollgate_core::egress::Egress;
use tollgate_core::grants::{Capability, Grants};
use tollgate_core::image::{self, ImageReference};
use tollgate_core::manifest::is_id;

use super::Reader;
use super::fields::Fields;
use super::policies::is_flow;
use super::value::ID_FORM;
use crate::document::{Component, ComponentFile, ComponentSignature, GrantedDirectory, Sha256};
use crate::yaml::{Content, Key, Node, Quoted};

impl Reader<'_> {
    pub(super) fn components(&mut self, node: Option<&Arc<Node>>) -> Vec<Component> {
        let Some(node) = node else {
            return Vec::new();
        };
        let Content::Mapping(entries) = &node.content else {
            self.expected("a mapping of names to components", node);
            return Vec::new();
        };
        let mut components = Vec::with_capacity(entries.len());
        for (key, node) in entries {
            if self.check_component_name(key) {
                self.statements.push(key.text.to_string());
            }
            components.extend(self.component(key, node));
        }
        components
    }

    fn check_component_name(&mut self, key: &Key) -> bool {
        let name = &*key.text;
        let message = if !is_id(name) {
            format!("expected {ID_FORM} as a component's name, found {}", Quoted(name))
        } else if self.built_ins.contains(&name) {
            format!("expected another name than that of the built-in statement `{name}`")
        } else if is_flow(name) {
            format!("expected another name than that of the gateway's own `{name}`")
        } else {
            return true;
        };
        self.error(key.mark, message);
        false
    }

    fn component(&mut self, key: &Key, node: &Node) -> Option<Component> {
        let fields =
            self.fields(node, "a mapping with keys such as `file`", &["file", "digest", "signature", "grants"]);
        if !matches!(node.content, Content::Mapping(_)) {
            return None;
        }
        let file = self.required(&fields, "file", "a component").and_then(|node| self.component_file(node));
        let digest = fields.get("digest").and_then(|node| self.digest(node));
        let signature = fields.get("signature").map(|node| self.signature(node, file.as_ref()));
        let Granted { grants, egress, directories } = self.grants(&fields);
        // One that can't be understood must not count as none.
        let signature = match signature {
            Some(None) => return None,
            Some(signature) => signature,
            None => None,
        };
        Some(Component {
            name: key.text.to_string(),
            file: file?,
            digest,
            signature,
            grants,
            egress,
            directories,
            mark: key.mark,
            file_mark: fields.mark_of("file"),
            digest_mark: fields.get("digest").map_or(key.mark, |node| node.mark),
        })
    }

    fn component_file(&mut self, node: &Node) -> Option<ComponentFile> {
        const FILE: &str = "the path of a component's file, or `oci://registry/repository@sha256:…`";
        let text = self.text(node, FILE)?;
        if !text.starts_with(image::SCHEME) {
            return self.file(node, FILE).map(ComponentFile::Path);
        }
        match ImageReference::parse(text) {
            Ok(image) if image.digest.is_some() => return Some(ComponentFile::Image(image)),
            Ok(_) => self.error(
                node.mark,
                format!(
                    "expected {}, found {node}: what a tag names may change; `tollgate policy push` prints the digest",
                    "`oci://registry/repository@sha256:…`"
                ),
            ),
            Err(problem) => self.error(node.mark, format!("expected {FILE}, found {node}: {problem}")),
        }
        None
    }

    fn signature(&mut self, node: &Node, component: Option<&ComponentFile>) -> Option<ComponentSignature> {
        const KEY: &str = "an Ed25519 public key, `ed25519:` and 64 hexadecimal digits";
        let fields = self.fields(node, "a mapping with keys such as `key`", &["key", "file"]);
        if !matches!(node.content, Content::Mapping(_)) {
            return None;
        }
        let key_node = self.required(&fields, "key", "a signature")?;
        let key = self.text(key_node, KEY).map(|text| text.strip_prefix("ed25519:").and_then(from_hex));
        if key == Some(None) {
            self.expected(KEY, key_node);
        }
        let file = match fields.get("file") {
            Some(node) => self.file(node, "the path of a signature's file")?,
            None => match component? {
                ComponentFile::Path(path) => {
                    let mut beside = path.as_os_str().to_owned();
                    beside.push(".sig");
                    beside.into()
                }
                ComponentFile::Image(_) => {
                    self.error(
                        node.mark,
                        "expected `file` with the signature's path: nothing lies beside a component of a registry",
                    );
                    return None;
                }
            },
        };
        let Sha256(key) = key??;
        Some(ComponentSignature { file, key, mark: node.mark })
    }

    fn digest(&mut self, node: &Node) -> Option<Sha256> {
        const EXPECTED: &str = "a digest, `sha256:` and 64 hexadecimal digits";
        let text = self.text(node, EXPECTED)?;
        let digest = text.strip_prefix("sha256:").and_then(from_hex);
        if digest.is_none() {
            self.expected(EXPECTED, node);
        }
        digest
    }

    /// What may be imported, the origins below `http` and the directories below `files`.
    fn grants(&mut self, fields: &Fields<'_>) -> Granted {
        let mut granted = Granted::default();
        let Some(node) = fields.get("grants") else {
            return granted;
        };
        let Content::Mapping(entries) = &node.content else {
            self.expected("a mapping such as `{ cache: true }`", node);
            return granted;
        };
        for (key, node) in entries {
            if &*key.text == FILES {
                if !node.is_false() {
                    granted.directories = self.directories(node);
                }
                continue;
            }
            match Capability::ALL.into_iter().find(|capability| capability.name() == &*key.text) {
                Some(Capability::HttpClient) if node.is_false() => {}
                Some(Capability::HttpClient) => {
                    granted.egress = self.egress(node);
                    granted.grants = granted.grants.with(Capability::HttpClient);
                }
                Some(capability) => match self.boolean(node) {
                    Some(true) => granted.grants = granted.grants.with(capability),
                    Some(false) if capability.is_always_granted() => {
                        self.error(node.mark, format!("`{capability}` is granted always and can't be taken away"));
                    }
                    Some(false) | None => {}
                },
                None => {
                    let known: Vec<_> = Capability::ALL.map(Capability::name).into_iter().chain([FILES]).collect();
                    self.unknown(key.mark, "grant", &key.text, &known);
                }
            }
        }
        granted
    }
}

/// The grant that isn't a capability of the contract, but of WASI.
const FILES: &str = "files";

/// What a component may import, call and read.
#[derive(Default)]
struct Granted {
    grants: Grants,
    egress: Egress,
    directories: Vec<GrantedDirectory>,
}

/// Thirty-two bytes of a digest or a key.
fn from_hex(text: &str) -> Option<Sha256> {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    (digits.len() == 64).then(|| bytes.try_into().ok().map(Sha256)).flatten()
}
