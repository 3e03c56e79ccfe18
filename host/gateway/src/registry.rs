//! Components in OCI registries (distribution specification 1.1): fetched while a plan is made, and pushed by
//! `tollgate policy push`. Never in the path of a request.
//!
//! It speaks over the connections that everything else of the gateway has (`upstream`). The crate `oci-client` would
//! bring sixty more, a second HTTP client and a second cryptography among them.
//!
//! Everything is bounded: a manifest's and a component's bytes, redirects, and the time for all of it.

/// What this machine knows of registries' passwords.
mod credentials;

/// Components that were fetched before.
mod kept;

/// What a registry says of a component.
mod manifest;

/// Requests to one registry, with whatever it wants to see first.
mod session;

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use tollgate_core::image::ImageReference;

pub use manifest::Description;

use crate::upstream::UpstreamError;
use kept::Kept;
use manifest::Layer;
use session::Session;

/// For a component as a whole.
const TIME: Duration = Duration::from_secs(60);

/// The largest component that is fetched; the runtime takes no larger one either.
const MAX_COMPONENT_BYTES: u64 = 64 << 20;

/// Why a component can't be had, or isn't taken. Sentences name the registry, and never a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// There is no connection, or it broke.
    #[error("the registry {0} can't be asked: {1}")]
    Unreachable(String, UpstreamError),
    /// It takes too long.
    #[error("the registry {0} has not given it within 60 seconds")]
    Slow(String),
    /// Nobody is known to it here, and why.
    #[error("the registry {0} wants to know who asks, and {1}")]
    NoCredentials(String, String),
    /// It knows who asks, and says no.
    #[error("the registry {0} refuses what {1} has as the password for it")]
    Refused(String, String),
    /// It isn't there.
    #[error("the registry {0} has no {1}")]
    Absent(String, String),
    /// Another status.
    #[error("the registry {0} answers {1} to {2}")]
    Status(String, u16, String),
    /// It isn't what was asked for.
    #[error("the registry {0} gave {1} with the digest sha256:{2}, and sha256:{3} was asked for")]
    OtherDigest(String, &'static str, String, String),
    /// It is no component.
    #[error("{0}")]
    NoComponent(String),
    /// It is too large.
    #[error("it has {0} bytes; at most {MAX_COMPONENT_BYTES} are fetched")]
    TooLarge(u64),
    /// It isn't said as the specification says it.
    #[error("the registry {0} can't be understood: {1}")]
    Unclear(String, String),
    /// This machine's side.
    #[error("{0}")]
    Here(String),
}

/// A component by its reference, which has a digest. `kept` is a folder where it may lie already, and will.
///
/// # Errors
///
/// One sentence.
pub fn fetch(image: &ImageReference, kept: Option<&Path>) -> Result<Bytes, RegistryError> {
    let Some(digest) = image.digest.as_deref() else {
        return Err(RegistryError::Here(format!("{image} names no digest")));
    };
    let kept = Kept::new(kept);
    if let Some(component) = kept.component(digest) {
        return Ok(component);
    }
    let (manifest, component) = run(image, async |session| {
        let bytes = session.manifest(digest).await?;
        let found = manifest::digest_of(&bytes);
        if found != digest {
            let registry = image.registry.clone();
            return Err(RegistryError::OtherDigest(registry, "a manifest", found, digest.into()));
        }
        let layer = Layer::of(&bytes)?;
        if layer.size > MAX_COMPONENT_BYTES {
            return Err(RegistryError::TooLarge(layer.size));
        }
        let component = session.blob(&layer).await?;
        let found = manifest::digest_of(&component);
        if found != layer.digest {
            return Err(RegistryError::OtherDigest(image.registry.clone(), "a component", found, layer.digest));
        }
        Ok((bytes, component))
    })?;
    kept.keep(digest, &manifest, &component);
    Ok(component)
}

/// Put a component there; returns the reference by which it can be named.
///
/// # Errors
///
/// One sentence.
pub fn push(
    image: &ImageReference,
    component: Bytes,
    description: &Description,
) -> Result<ImageReference, RegistryError> {
    let config = description.config(&component);
    let manifest = description.manifest(&config, &component);
    let digest = manifest::digest_of(&manifest);
    run(image, async |session| {
        session.upload(config).await?;
        session.upload(component).await?;
        session.put_manifest(image.tag.as_deref().unwrap_or(&format!("sha256:{digest}")), manifest).await
    })?;
    Ok(image.at(&digest))
}

/// Talk to a registry on an event loop of its own, in a thread of its own: whoever asks may have one already.
fn run<T: Send>(
    image: &ImageReference,
    talk: impl AsyncFnOnce(&mut Session) -> Result<T, RegistryError> + Send,
) -> Result<T, RegistryError> {
    let here = |error: std::io::Error| RegistryError::Here(format!("a thread can't be started: {error}"));
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("registry".into()).spawn_scoped(scope, || {
            let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default());
            event_loop.map_err(here)?.block_on(async {
                let mut session = Session::new(image)?;
                match tokio::time::timeout(TIME, talk(&mut session)).await {
                    Ok(done) => done,
                    Err(_) => Err(RegistryError::Slow(image.registry.clone())),
                }
            })
        });
        let broken = |_| RegistryError::Here("asking the registry has failed within the gateway".into());
        thread.map_err(here)?.join().map_err(broken)?
    })
}
