//! Where the request goes.
//!
//! Needs the grant `backend`.

use crate::bindings::imports::tollgate::backend::backend as wit;
use crate::host::backend as host;
use crate::verdict::Verdict;

/// Why the request goes where it went before.
pub use wit::BackendError;

/// Forward to this base URL instead of the API's. Applied after the verdict `Next`. Example: `https://b.example/v2`.
pub fn set_base_url(url: &str) -> Result<(), BackendError> {
    host::set_base_url(url)
}

/// Forward to this entry of the document's `backends`. Applied after the verdict `Next`.
pub fn set_backend_id(id: &str) -> Result<(), BackendError> {
    host::set_backend_id(id)
}

/// Tell whoever gets the request that it is for this host, instead of the backend's own. Where it goes stays as it is.
/// Applied after the verdict `Next`. Example: `shop.example:8443`.
pub fn set_host(host: &str) -> Result<(), BackendError> {
    host::set_host(host)
}

/// The base URL that the request goes, or went, to: the API's, or what a statement has chosen.
pub fn base_url() -> String {
    host::base_url()
}

impl From<BackendError> for Verdict {
    fn from(error: BackendError) -> Self {
        Verdict::Fail(match error {
            BackendError::InvalidUrl(url) => format!("`{url}` is no base URL of a backend"),
            BackendError::UnknownBackend(id) => format!("there is no backend `{id}`"),
            BackendError::ChosenById => {
                "a statement of a broader scope has chosen a backend by its id, so only another id may replace it"
                    .into()
            }
            BackendError::InvalidHost(host) => format!("`{host}` is no host with perhaps a port"),
            BackendError::Other(why) => format!("the backend can't be chosen: {why}"),
        })
    }
}
