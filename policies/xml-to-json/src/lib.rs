//! `xml-to-json`: turns XML bodies into JSON. `README.md` says how.

use tollgate_sdk::{ConfigError, LastError, Policy, Request, Response, Verdict, policy};
use tollgate_xml::{Conversion, Format};

mod config;

// A body on its way: a tree of its members, then JSON.
mod convert;
mod tree;

mod json;

pub use config::{Apply, Config, EmptyValues, Kind};
use convert::convert;

/// The statement, configured.
pub struct XmlToJson {
    config: Config,
    conversion: Conversion,
}

/// Turns XML bodies into JSON
#[policy(
    sections(inbound, outbound, on_error),
    buffer(on_request = "4MiB", on_response = "4MiB", on_error = "4MiB"),
    rejects(
        400 = "XmlInvalid",
        413 = "ConversionTooLarge",
        415 = "ContentEncodingUnsupported",
        502 = "XmlInvalid",
        502 = "ConversionTooLarge",
        502 = "ContentEncodingUnsupported"
    )
)]
impl Policy for XmlToJson {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        let conversion = Conversion {
            from: Format::Xml,
            to: Format::Json,
            always: config.apply == Apply::Always,
            consider_accept_header: config.consider_accept_header,
        };
        Ok(Self { config, conversion })
    }

    fn wants_request_body(&self, request: &Request) -> bool {
        self.conversion.wants_request_body(request)
    }

    fn wants_response_body(&self, request: &Request, response: &Response) -> bool {
        self.conversion.wants_response_body(request, response)
    }

    fn on_request(&self, request: &mut Request) -> Result<(), Verdict> {
        self.conversion.on_request(request, |body| convert(body, &self.config))
    }

    fn on_response(&self, request: &Request, response: &mut Response) -> Result<(), Verdict> {
        self.conversion.on_response(request, response, |body| convert(body, &self.config))
    }

    fn on_error(&self, request: &Request, response: &mut Response, _: &LastError) -> Result<(), Verdict> {
        self.conversion.on_error(request, response, |body| convert(body, &self.config))
    }
}

#[cfg(test)]
mod tests;
