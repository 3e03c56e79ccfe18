//! `Proxy-Status` (RFC 9209): which kind of fault of an origin a response of the gateway's own stands for. The kind and
//! nothing else: no address, no name, no text of an error.

use http::header::{HeaderName, HeaderValue};

use crate::upstream::{ConnectFault, UpstreamError};

/// The field that tells.
pub const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

macro_rules! faults {
    ($($(#[$doc:meta])* $fault:ident = $name:literal;)*) => {
        /// A fault of an origin, as RFC 9209 §2.3 names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum OriginFault { $($(#[$doc])* $fault,)* }

        impl OriginFault {
            /// Its error type. Example: `connection_refused`
            pub fn name(self) -> &'static str {
                match self { $(OriginFault::$fault => $name,)* }
            }

            /// The value of `Proxy-Status`.
            pub fn proxy_status(self) -> HeaderValue {
                HeaderValue::from_static(match self { $(OriginFault::$fault => concat!("tollgate; error=", $name),)* })
            }
        }
    };
}

faults! {
    /// The name has no address.
    DnsError = "dns_error";
    /// The origin isn't to be asked for now: recent attempts have failed.
    DestinationUnavailable = "destination_unavailable";
    /// Its address is one that may not be called.
    DestinationIpProhibited = "destination_ip_prohibited";
    /// There is no way to its address.
    DestinationIpUnroutable = "destination_ip_unroutable";
    /// Nobody listens there.
    ConnectionRefused = "connection_refused";
    /// The connection ended before any part of a response.
    ConnectionTerminated = "connection_terminated";
    /// No connection in time.
    ConnectionTimeout = "connection_timeout";
    /// No TLS.
    TlsProtocolError = "tls_protocol_error";
    /// No certificate that is trusted.
    TlsCertificateError = "tls_certificate_error";
    /// The connection ended within the response.
    HttpResponseIncomplete = "http_response_incomplete";
    /// The response's head is too large.
    HttpResponseHeaderSectionSize = "http_response_header_section_size";
    /// The response's body is larger than what asked for it takes.
    HttpResponseBodySize = "http_response_body_size";
    /// The response, or its next part, didn't come in time.
    HttpResponseTimeout = "http_response_timeout";
    /// The response can't be understood.
    HttpProtocolError = "http_protocol_error";
}

impl OriginFault {
    /// The fault behind an error; none if the origin has no part in it.
    pub(super) fn of(error: &UpstreamError) -> Option<OriginFault> {
        use std::io::ErrorKind::{HostUnreachable, NetworkUnreachable};
        Some(match error {
            UpstreamError::Connect(ConnectFault::Dns) => OriginFault::DnsError,
            UpstreamError::Connect(ConnectFault::Refused) => OriginFault::ConnectionRefused,
            UpstreamError::Connect(ConnectFault::Private) => OriginFault::DestinationIpProhibited,
            UpstreamError::Connect(ConnectFault::Tls) => OriginFault::TlsProtocolError,
            UpstreamError::Connect(ConnectFault::Certificate) => OriginFault::TlsCertificateError,
            UpstreamError::Connect(ConnectFault::Other(HostUnreachable | NetworkUnreachable)) => {
                OriginFault::DestinationIpUnroutable
            }
            UpstreamError::Connect(ConnectFault::Other(_)) => OriginFault::DestinationUnavailable,
            UpstreamError::ConnectTimeout => OriginFault::ConnectionTimeout,
            UpstreamError::ResponseHeaderTimeout => OriginFault::HttpResponseTimeout,
            UpstreamError::Broken => OriginFault::ConnectionTerminated,
            UpstreamError::Incomplete => OriginFault::HttpResponseIncomplete,
            UpstreamError::HeadTooLarge => OriginFault::HttpResponseHeaderSectionSize,
            UpstreamError::Malformed(_) => OriginFault::HttpProtocolError,
            UpstreamError::RequestBody(_) => return None,
        })
    }
}
