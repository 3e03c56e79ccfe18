//! Manifests of components: the "Wasm OCI artifact layout" of the CNCF's TAG Runtime, written and read, and its
//! predecessors read.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tollgate_core::image;

use super::RegistryError;

/// An image manifest (OCI image specification 1.1).
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const COMPONENT: &str = "application/wasm";

/// What tools called a component before there was a layout.
const OLDER: [&str; 2] =
    ["application/vnd.wasm.content.layer.v1+wasm", "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm"];

/// Where a manifest says its component is.
pub(super) struct Layer {
    /// 64 hexadecimal digits.
    pub(super) digest: String,
    pub(super) size: u64,
}

impl Layer {
    /// The one component of a manifest.
    pub(super) fn of(manifest: &[u8]) -> Result<Layer, RegistryError> {
        let no = |found: String| Err(RegistryError::NoComponent(found));
        let Ok(manifest) = serde_json::from_slice::<Value>(manifest) else {
            return no("its manifest is no JSON".into());
        };
        let kind = manifest["mediaType"].as_str().unwrap_or(MANIFEST);
        if kind != MANIFEST || manifest["manifests"].is_array() {
            return no(format!("it is a `{}`, and a component's manifest is a `{MANIFEST}`", shown(kind)));
        }
        let layers = manifest["layers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let kinds: Vec<&str> = layers.iter().map(|layer| layer["mediaType"].as_str().unwrap_or_default()).collect();
        let [kind] = kinds.as_slice() else {
            return no(format!("it has {} layers, and a component is one of `{COMPONENT}`", kinds.len()));
        };
        if *kind != COMPONENT && !OLDER.contains(kind) {
            return no(format!("its layer is a `{}`, and a component is a `{COMPONENT}`", shown(kind)));
        }
        let digest = layers[0]["digest"].as_str().and_then(image::hex);
        match (digest, layers[0]["size"].as_u64()) {
            (Some(digest), Some(size)) => Ok(Layer { digest, size }),
            _ => no("its layer has no size, or no digest of SHA-256".into()),
        }
    }
}

/// A word of a stranger's, for a message.
fn shown(word: &str) -> String {
    word.chars().take(80).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// What a manifest says of a component, beside the bytes.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// The statement's name.
    pub name: String,
    /// The component's own version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// Interfaces that it imports. Example: `tollgate:log/log@0.1.0`
    pub imports: Vec<String>,
    /// Interfaces that it exports.
    pub exports: Vec<String>,
}

impl Description {
    /// Without a date, so that the same component has the same digest wherever it is pushed.
    pub(super) fn config(&self, component: &[u8]) -> Bytes {
        let config = json!({
            "architecture": "wasm",
            "os": "wasip2",
            "layerDigests": [format!("sha256:{}", digest_of(component))],
            "component": { "imports": self.imports, "exports": self.exports },
        });
        config.to_string().into()
    }

    pub(super) fn manifest(&self, config: &[u8], component: &[u8]) -> Bytes {
        let blob = |kind: &str, bytes: &[u8]| json!({ "mediaType": kind, "digest": format!("sha256:{}", digest_of(bytes)), "size": bytes.len() });
        let mut annotations = Map::new();
        for (key, value) in [("title", &self.name), ("version", &self.version), ("description", &self.summary)] {
            if !value.is_empty() {
                annotations.insert(format!("org.opencontainers.image.{key}"), value.as_str().into());
            }
        }
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": blob(CONFIG, config),
            "layers": [blob(COMPONENT, component)],
            "annotations": annotations,
        });
        manifest.to_string().into()
    }
}

/// SHA-256, as 64 hexadecimal digits.
pub(super) fn digest_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let description = Description { name: "greets".into(), ..Description::default() };
        let manifest = description.manifest(&description.config(b"wasm"), b"wasm");
        let layer = Layer::of(&manifest).unwrap();
        assert_eq!((layer.digest, layer.size), (digest_of(b"wasm"), 4));
        assert_eq!(manifest, description.manifest(&description.config(b"wasm"), b"wasm"));
    }

    #[test]
    fn what_is_no_component_is_told_by_what_it_is() {
        let layer =
            |kind: &str| json!({ "mediaType": kind, "digest": format!("sha256:{}", digest_of(b"")), "size": 1 });
        for (manifest, said) in [
            (json!([]), "it has 0 layers"),
            (
                json!({ "layers": [layer("application/vnd.oci.image.layer.v1.tar+gzip")] }),
                "layer.v1.tar+gzip`, and a component",
            ),
            (json!({ "layers": [layer(COMPONENT), layer(COMPONENT)] }), "it has 2 layers"),
            (
                json!({ "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [] }),
                "image.index.v1+json`, and",
            ),
            (json!({ "layers": [{ "mediaType": COMPONENT, "digest": "md5:1", "size": 1 }] }), "no digest of SHA-256"),
        ] {
            let error = Layer::of(manifest.to_string().as_bytes()).err().unwrap().to_string();
            assert!(error.contains(said), "{error}");
        }
        assert!(Layer::of(json!({ "layers": [layer(OLDER[0])] }).to_string().as_bytes()).is_ok());
    }
}
