//! `json-to-xml`: turns JSON bodies into XML. `README.md` says how.

use tollgate_sdk::{ConfigError, LastError, Policy, Request, Response, Verdict, policy};
use tollgate_xml::{Conversion, Format};

mod config;

// A body on its way: a tape of its values, then XML.
mod convert;
mod tape;

mod xml;

// What each member's name and each string comes to.
mod role;

mod name;
mod string;

pub use config::{Apply, Config, EmptyValues};
use convert::convert;

/// The statement, configured.
pub struct JsonToXml {
    config: Config,
    conversion: Conversion,
}

/// Turns JSON bodies into XML
#[policy(
    sections(inbound, outbound, on_error),
    buffer(on_request = "4MiB", on_response = "4MiB", on_error = "4MiB"),
    rejects(
        400 = "JsonInvalid",
        413 = "ConversionTooLarge",
        415 = "ContentEncodingUnsupported",
        502 = "JsonInvalid",
        502 = "ConversionTooLarge",
        502 = "ContentEncodingUnsupported"
    )
)]
impl Policy for JsonToXml {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        let conversion = Conversion {
            from: Format::Json,
            to: Format::Xml,
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
        // The gateway's own body for a failure is JSON too.
        self.conversion.on_error(request, response, |body| convert(body, &self.config))
    }
}

#[cfg(test)]
mod tests;
