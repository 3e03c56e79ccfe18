//! Where a document sends requests: an origin, and what stands before every path there.

use std::sync::Arc;

use tollgate_core::base_url::BaseUrl;
use tollgate_document::OriginTls;

use super::{Origin, Trust};

/// An origin, and what is put before every path there: empty, or with a slash before it and none behind it.
#[derive(Clone, Debug)]
pub struct Target {
    /// Whom to connect to.
    pub origin: Origin,
    /// What stands before paths. Example: `/v1`.
    pub base: String,
}

impl Target {
    /// Where a URL leads, trusted as `tls` says. An `Err` is a sentence for whoever wrote it.
    pub fn of(url: &BaseUrl, tls: &OriginTls) -> Result<Target, String> {
        let trust = trust(tls)?;
        let origin = Origin::of(url, trust.as_ref()).map_err(|error| format!("`{url}`: {error}"))?;
        Ok(Target { origin, base: url.base.clone() })
    }
}

/// None for what the system trusts.
fn trust(tls: &OriginTls) -> Result<Option<Arc<Trust>>, String> {
    if !tls.verify {
        return Ok(Some(Trust::of_anybody()));
    }
    let file = tls.ca_file.as_deref();
    file.map(|file| Trust::of_file(file).map_err(|error| format!("`ca-file`: {error}"))).transpose()
}
