//! Where a component lies in an OCI registry.

use std::fmt;

use crate::authority;
use crate::base_url::BaseUrl;
use crate::message::Scheme;

/// What references begin with.
pub const SCHEME: &str = "oci://";

/// Longest name of a repository (OCI distribution specification 1.1, "Pulling manifests").
const MAX_NAME: usize = 255;

/// `oci://registry[:port]/repository[:tag][@sha256:digest]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageReference {
    /// Host, and port if it is written. Example: `registry.example:5000`
    pub registry: String,
    /// Example: `acme/add-tenant`
    pub repository: String,
    /// A name that may come to mean something else.
    pub tag: Option<String>,
    /// The manifest's SHA-256, as 64 lower-case hexadecimal digits.
    pub digest: Option<String>,
}

impl ImageReference {
    /// Read a reference.
    ///
    /// # Errors
    ///
    /// One sentence about what is wrong with it.
    pub fn parse(text: &str) -> Result<ImageReference, &'static str> {
        let rest = text.strip_prefix(SCHEME).ok_or("it doesn't begin with `oci://`")?;
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => {
                (rest, Some(hex(digest).ok_or("its digest isn't `sha256:` and 64 hexadecimal digits")?))
            }
            None => (rest, None),
        };
        let (registry, name) = rest.split_once('/').ok_or("it has no repository behind the registry's host")?;
        let (host, _) = authority::split(registry, 443).ok_or("its registry's port is none")?;
        if !authority::is_host(host) {
            return Err("its registry is neither a host name nor an address");
        }
        let (repository, tag) = match name.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (name, None),
        };
        if !is_repository(repository) {
            return Err("its repository isn't lower-case words joined by `/`, `.`, `_` and `-`");
        }
        if !tag.is_none_or(is_tag) {
            return Err("its tag isn't up to 128 letters, digits, `_`, `.` and `-`");
        }
        Ok(ImageReference {
            registry: registry.to_ascii_lowercase(),
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest,
        })
    }

    /// The same place, at a digest.
    #[must_use]
    pub fn at(&self, digest: &str) -> ImageReference {
        ImageReference { tag: None, digest: Some(digest.to_owned()), ..self.clone() }
    }

    /// Where the registry answers: `https`, or `http` on this machine itself.
    ///
    /// # Errors
    ///
    /// One sentence; what [`Self::parse`] has made gives none.
    pub fn base_url(&self) -> Result<BaseUrl, &'static str> {
        // The name that everybody writes is not the one that answers.
        let registry = if self.registry == "docker.io" { "registry-1.docker.io" } else { &self.registry };
        let (host, _) = authority::split(registry, 443).ok_or("its port is none")?;
        let scheme = if is_loopback(host) { Scheme::Http } else { Scheme::Https };
        BaseUrl::parse(&format!("{}://{registry}", scheme.as_str()))
    }
}

/// This machine itself, where nobody listens in: the only place without TLS.
pub fn is_loopback(host: &str) -> bool {
    host == "localhost" || authority::address(host).is_some_and(|address| address.is_loopback())
}

/// The digits of `sha256:…`.
pub fn hex(digest: &str) -> Option<String> {
    let digits = digest.strip_prefix("sha256:")?;
    let valid = digits.len() == 64 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    valid.then(|| digits.to_owned())
}

fn is_repository(name: &str) -> bool {
    let is_alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let is_part = |part: &str| {
        let bytes = part.as_bytes();
        bytes.first().is_some_and(|b| is_alphanumeric(*b))
            && bytes.last().is_some_and(|b| is_alphanumeric(*b))
            && bytes.iter().all(|b| is_alphanumeric(*b) || matches!(b, b'.' | b'_' | b'-'))
    };
    name.len() <= MAX_NAME && name.split('/').all(is_part)
}

fn is_tag(tag: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|b| is_word(b) || matches!(b, b'.' | b'-'))
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@sha256:{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_and_written() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for (text, url) in [
            ("oci://ghcr.io/acme/add-tenant:1.0".to_owned(), "https://ghcr.io"),
            (format!("oci://registry.example:5000/a@{digest}"), "https://registry.example:5000"),
            (format!("oci://127.0.0.1:5000/a/b_c.d:x@{digest}"), "http://127.0.0.1:5000"),
            ("oci://[::1]:5000/a".to_owned(), "http://[::1]:5000"),
            ("oci://docker.io/acme/a".to_owned(), "https://registry-1.docker.io"),
        ] {
            let reference = ImageReference::parse(&text).unwrap();
            assert_eq!(reference.to_string(), text);
            assert_eq!(reference.base_url().unwrap().to_string(), url);
        }
        for text in [
            "ghcr.io/a",
            "oci://ghcr.io",
            "oci://ghcr.io/",
            "oci:///a",
            "oci://u:p@ghcr.io/a",
            "oci://ghcr.io:0/a",
            "oci://ghcr.io/A",
            "oci://ghcr.io/a/../b",
            "oci://ghcr.io/a?x",
            "oci://ghcr.io/a:",
            "oci://ghcr.io/a@sha256:00",
            "oci://ghcr.io/a@sha512:00",
        ] {
            assert!(ImageReference::parse(text).is_err(), "{text}");
        }
    }
}
