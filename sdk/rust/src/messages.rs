//! The request and the response. The gateway owns both: these are thin handles that fetch what is asked for.

use crate::bindings::imports::tollgate::policy::messages as wit;
use crate::host::messages as host;
use crate::verdict::Verdict;
use serde::de::DeserializeOwned;

pub use wit::{BodyError, Field, HeaderError, TargetError};

/// The request, as it will be forwarded: earlier statements' edits are already in it.
///
/// Every method is a call to the gateway, so keep what you use twice. Edits count once the verdict is
/// [`Verdict::Next`]; within the call the policy sees its own edits.
pub struct Request<'a> {
    handle: &'a host::Request,
}

/// The response, as it will be returned: earlier statements' edits are already in it.
///
/// The rules of [`Request`] hold here too.
pub struct Response<'a> {
    handle: &'a host::Response,
}

/// What [`Request`] and [`Response`] have in common, for logic that serves both.
///
/// Names may be written in any case. Values are bytes, since HTTP promises no encoding.
pub trait Headers {
    /// The first value of a header.
    fn header(&self, name: &str) -> Option<Vec<u8>>;
    /// All values of a header, in order. Empty if it is absent.
    fn header_values(&self, name: &str) -> Vec<Vec<u8>>;
    /// Make `value` the header's only value.
    fn set_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), HeaderError>;
    /// Add one more line to a header.
    fn append_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), HeaderError>;
    /// Take a header away. Fine if it is absent.
    fn remove_header(&mut self, name: &str) -> Result<(), HeaderError>;
}

impl<'a> Request<'a> {
    pub(crate) fn new(handle: &'a host::Request) -> Self {
        Self { handle }
    }

    /// The method, as sent. Example: `GET`.
    pub fn method(&self) -> String {
        self.handle.method()
    }

    /// `http` or `https`: how the client reached the gateway, or what a trusted proxy says of it.
    pub fn scheme(&self) -> String {
        self.handle.scheme()
    }

    /// Host and port that the client addressed. Example: `api.example:8443`.
    pub fn authority(&self) -> String {
        self.handle.authority()
    }

    /// The one normalised path that routing, policies, keys and cache see, the API's own path included.
    pub fn path(&self) -> String {
        self.handle.path()
    }

    /// The query without its `?`; none if the target has no `?`.
    pub fn query(&self) -> Option<String> {
        self.handle.query()
    }

    /// The values of a query parameter in order, decoded. Empty if it is absent.
    pub fn query_values(&self, name: &str) -> Vec<String> {
        self.handle.query_values(name)
    }

    /// The first value of a query parameter, decoded.
    pub fn query_value(&self, name: &str) -> Option<String> {
        self.query_values(name).into_iter().next()
    }

    /// A parameter of the operation's URL template, decoded. Example: `orderId`.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.handle.parameter(name)
    }

    /// Replace the method. Allowed until the request is forwarded.
    pub fn set_method(&mut self, method: &str) -> Result<(), TargetError> {
        self.handle.set_method(method)
    }

    /// Replace path and query by ones that are relative to the API: the origin gets its base URL and then these.
    /// The route stays as matched. Example: `/v2/items?x=1`.
    pub fn set_target(&mut self, path_and_query: &str) -> Result<(), TargetError> {
        self.handle.set_target(path_and_query)
    }

    /// Replace the query alone, as it is to be sent; none for no `?`. The path stays what it is. Example: `a=1&b=%20`.
    pub fn set_query(&mut self, query: Option<&str>) -> Result<(), TargetError> {
        self.handle.set_query(query)
    }
}

impl<'a> Response<'a> {
    pub(crate) fn new(handle: &'a host::Response) -> Self {
        Self { handle }
    }

    /// 200–599.
    pub fn status(&self) -> u16 {
        self.handle.status()
    }

    /// Replace the status. A value outside 200–599 is refused with `false`.
    #[must_use = "a status outside 200–599 is refused"]
    pub fn set_status(&mut self, status: u16) -> bool {
        self.handle.set_status(status)
    }

    /// Replace the status and the reason phrase of HTTP/1.1; none for the usual one. A status outside 200–599 or a phrase
    /// with control characters is refused with `false`.
    #[must_use = "a status outside 200–599 and a phrase with control characters are refused"]
    pub fn set_status_with_reason(&mut self, status: u16, reason: Option<&str>) -> bool {
        self.handle.set_status_with_reason(status, reason)
    }
}

/// The methods that the contract gives to both messages.
macro_rules! message {
    ($message:ident) => {
        impl $message<'_> {
            /// The first value of a header.
            pub fn header(&self, name: &str) -> Option<Vec<u8>> {
                self.handle.header(name)
            }

            /// The first value of a header, if it is there and is UTF-8.
            pub fn header_str(&self, name: &str) -> Option<String> {
                String::from_utf8(self.handle.header(name)?).ok()
            }

            /// All values of a header, in order. Empty if it is absent.
            pub fn header_values(&self, name: &str) -> Vec<Vec<u8>> {
                self.handle.header_values(name)
            }

            /// All headers, in order within a name. Names are in lower case.
            pub fn headers(&self) -> Vec<Field> {
                self.handle.headers()
            }

            /// Make `value` the header's only value.
            pub fn set_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), HeaderError> {
                self.handle.set_header(name, value.as_ref())
            }

            /// Add one more line to a header.
            pub fn append_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), HeaderError> {
                self.handle.append_header(name, value.as_ref())
            }

            /// Take a header away. Fine if it is absent.
            pub fn remove_header(&mut self, name: &str) -> Result<(), HeaderError> {
                self.handle.remove_header(name)
            }

            /// The whole body, copied out of the gateway. Only for a phase that the policy buffers:
            /// `#[policy(buffer(on_request = "1MiB"))]`.
            pub fn body(&self) -> Result<Vec<u8>, BodyError> {
                self.handle.body()
            }

            /// The whole body, read as JSON. Text that isn't JSON of this shape is a [`BodyError::Other`].
            pub fn body_json<T: DeserializeOwned>(&self) -> Result<T, BodyError> {
                serde_json::from_slice(&self.body()?).map_err(|error| BodyError::Other(error.to_string()))
            }

            /// Replace the body; `content-length` follows by itself. Needs no buffering.
            pub fn set_body(&mut self, body: impl AsRef<[u8]>) -> Result<(), BodyError> {
                self.handle.set_body(body.as_ref())
            }
        }

        impl Headers for $message<'_> {
            fn header(&self, name: &str) -> Option<Vec<u8>> {
                self.handle.header(name)
            }

            fn header_values(&self, name: &str) -> Vec<Vec<u8>> {
                self.handle.header_values(name)
            }

            fn set_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), HeaderError> {
                self.handle.set_header(name, value.as_ref())
            }

            fn append_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), HeaderError> {
                self.handle.append_header(name, value.as_ref())
            }

            fn remove_header(&mut self, name: &str) -> Result<(), HeaderError> {
                self.handle.remove_header(name)
            }
        }
    };
}

message!(Request);
message!(Response);

impl From<HeaderError> for Verdict {
    fn from(error: HeaderError) -> Self {
        Verdict::Fail(format!("the gateway refused to edit a header: {error:?}"))
    }
}

impl From<BodyError> for Verdict {
    fn from(error: BodyError) -> Self {
        Verdict::Fail(format!("the body can't be had: {error:?}"))
    }
}

impl From<TargetError> for Verdict {
    fn from(error: TargetError) -> Self {
        Verdict::Fail(format!("the gateway refused to edit the request line: {error:?}"))
    }
}
