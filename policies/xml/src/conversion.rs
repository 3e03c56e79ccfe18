//! When a message's body is converted, and what else in the message has to follow. The only part that knows the SDK.

use tollgate_sdk::{BodyError, Failure, Headers, Request, Response, Verdict, log};

use crate::fault::{Fault, FaultKind};
use crate::media::{self, Format, accepts};

/// Headers that speak of the bytes of a body, and so no longer of this one.
const OF_THE_BYTES: [&str; 5] = ["content-md5", "digest", "content-digest", "repr-digest", "accept-ranges"];

/// What a statement that converts does to messages.
#[derive(Clone, Debug)]
pub struct Conversion {
    /// What it reads.
    pub from: Format,
    /// What it writes.
    pub to: Format,
    /// Whether it takes every body, or only those whose `content-type` names `from`.
    pub always: bool,
    /// Whether a response is left as it is for a client that wants no `to`.
    pub consider_accept_header: bool,
}

/// What becomes of a message, by its head alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    /// It stays as it is.
    Pass,
    /// Its body is converted.
    Convert,
    /// It should be converted and can't: it is compressed, or a part of something.
    Encoded,
}

impl Conversion {
    /// The body gate of requests.
    pub fn wants_request_body(&self, request: &Request<'_>) -> bool {
        self.decide(request) == Decision::Convert
    }

    /// The body gate of responses.
    pub fn wants_response_body(&self, request: &Request<'_>, response: &Response<'_>) -> bool {
        self.decide_response(request, response) == Decision::Convert
    }

    /// The inbound section. `accept` plays no part: it speaks of the response.
    pub fn on_request(
        &self,
        request: &mut Request<'_>,
        convert: impl FnOnce(&[u8]) -> Result<Vec<u8>, Fault>,
    ) -> Result<(), Verdict> {
        match self.decide(request) {
            Decision::Pass => return Ok(()),
            Decision::Encoded if self.always => {
                let failure = Failure::new(415, "ContentEncodingUnsupported", "The request body must not be encoded.");
                return Err(failure.header("accept-encoding", "identity").into());
            }
            Decision::Encoded => {
                log::debug!("the request body is encoded and not converted");
                return Ok(());
            }
            Decision::Convert => {}
        }
        let body = request.body()?;
        if body.is_empty() {
            return Ok(());
        }
        let converted = self.convert(request, &body, convert).map_err(|fault| self.refuse_request(&fault))?;
        match request.set_body(converted) {
            Err(BodyError::TooLarge) => return Err(self.refuse_request(&too_large()).into()),
            result => result?,
        }
        self.follow(request)
    }

    /// The outbound section.
    pub fn on_response(
        &self,
        request: &Request<'_>,
        response: &mut Response<'_>,
        convert: impl FnOnce(&[u8]) -> Result<Vec<u8>, Fault>,
    ) -> Result<(), Verdict> {
        self.vary(response)?;
        match self.decide_response(request, response) {
            Decision::Pass => return Ok(()),
            // `always` is a promise to whoever reads the body; a condition on the media type is none.
            Decision::Encoded if self.always => {
                log::warn!("the response is encoded or partial and can't be converted");
                return Err(self.refuse_response("ContentEncodingUnsupported").into());
            }
            Decision::Encoded => {
                log::debug!("the response is encoded or partial and not converted");
                return Ok(());
            }
            Decision::Convert => {}
        }
        let body = response.body()?;
        if body.is_empty() {
            return Ok(());
        }
        let converted = self.convert(response, &body, convert).map_err(|fault| {
            log::warn!("the response can't be converted to {}: {fault}", self.to.name());
            self.refuse_response(self.reason(&fault))
        })?;
        match response.set_body(converted) {
            Err(BodyError::TooLarge) => return Err(self.refuse_response(self.reason(&too_large())).into()),
            result => result?,
        }
        weaken_etag(response)?;
        self.follow(response)
    }

    /// The on-error section: never makes a failure another one.
    pub fn on_error(
        &self,
        request: &Request<'_>,
        response: &mut Response<'_>,
        convert: impl FnOnce(&[u8]) -> Result<Vec<u8>, Fault>,
    ) -> Result<(), Verdict> {
        self.vary(response)?;
        if self.decide_response(request, response) != Decision::Convert {
            return Ok(());
        }
        let body = response.body()?;
        if body.is_empty() {
            return Ok(());
        }
        match self.convert(response, &body, convert) {
            Ok(converted) => {
                response.set_body(converted)?;
                self.follow(response)
            }
            Err(fault) => {
                log::warn!("the error's response can't be converted to {}: {fault}", self.to.name());
                Ok(())
            }
        }
    }

    fn decide_response(&self, request: &Request<'_>, response: &Response<'_>) -> Decision {
        let has_body = !matches!(response.status(), 204 | 205 | 304) && request.method() != "HEAD";
        if !has_body {
            return Decision::Pass;
        }
        let decision = match self.decide(response) {
            Decision::Convert if response.status() == 206 => Decision::Encoded,
            decision => decision,
        };
        let wanted = decision == Decision::Pass
            || !self.consider_accept_header
            || accepts(&request.header_values("accept"), self.to, self.from);
        if wanted { decision } else { Decision::Pass }
    }

    fn decide(&self, message: &impl Headers) -> Decision {
        let named = || message.header("content-type").is_some_and(|value| self.from.is_named_by(&value));
        if !self.always && !named() {
            return Decision::Pass;
        }
        if message.header("content-length").as_deref() == Some(b"0") {
            return Decision::Pass;
        }
        let codings = message.header_values("content-encoding");
        let plain = codings.iter().all(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"identity"));
        if plain { Decision::Convert } else { Decision::Encoded }
    }

    fn convert(
        &self,
        message: &impl Headers,
        body: &[u8],
        convert: impl FnOnce(&[u8]) -> Result<Vec<u8>, Fault>,
    ) -> Result<Vec<u8>, Fault> {
        let charset = message.header("content-type").as_deref().and_then(media::charset);
        let known = match charset.as_deref() {
            None | Some("utf-8" | "utf8" | "us-ascii" | "ascii") => true,
            Some("utf-16" | "utf-16le" | "utf-16be") => self.from == Format::Xml,
            Some(_) => false,
        };
        if known {
            convert(body)
        } else {
            Err(Fault::malformed_at("the charset of its content-type is not supported", None))
        }
    }

    /// Make the rest of the head true again.
    fn follow(&self, message: &mut impl Headers) -> Result<(), Verdict> {
        message.set_header("content-type", self.to.content_type())?;
        for name in OF_THE_BYTES.into_iter().chain(["content-encoding"]) {
            message.remove_header(name)?;
        }
        Ok(())
    }

    /// What a cache in between has to know: another client may get the other format.
    fn vary(&self, response: &mut Response<'_>) -> Result<(), Verdict> {
        if !self.consider_accept_header || self.decide(response) != Decision::Convert {
            return Ok(());
        }
        let says = |line: &[u8]| {
            let mut names = line.split(|&b| b == b',').map(<[u8]>::trim_ascii);
            names.any(|name| name == b"*" || name.eq_ignore_ascii_case(b"accept"))
        };
        if !response.header_values("vary").iter().any(|line| says(line)) {
            response.append_header("vary", "accept")?;
        }
        Ok(())
    }

    fn refuse_request(&self, fault: &Fault) -> Failure {
        let to = self.to.name();
        match fault.kind() {
            FaultKind::Malformed => {
                Failure::new(400, self.reason(fault), format!("The request body can't be converted to {to}: {fault}."))
            }
            FaultKind::TooLarge => {
                Failure::new(413, self.reason(fault), format!("The request body is too large to be converted to {to}."))
            }
        }
    }

    /// A client can't mend what the origin sends, and need not know what it is.
    fn refuse_response(&self, reason: &str) -> Failure {
        Failure::new(502, reason, "The response of the origin can't be converted.")
    }

    fn reason(&self, fault: &Fault) -> &'static str {
        match (fault.kind(), self.from) {
            (FaultKind::TooLarge, _) => "ConversionTooLarge",
            (FaultKind::Malformed, Format::Xml) => "XmlInvalid",
            (FaultKind::Malformed, Format::Json) => "JsonInvalid",
        }
    }
}

fn too_large() -> Fault {
    Fault::too_large("the conversion is larger than a body may be")
}

/// The converted body means the same and is not the same bytes: that is what a weak validator says.
fn weaken_etag(response: &mut Response<'_>) -> Result<(), Verdict> {
    match response.header("etag") {
        Some(tag) if tag.starts_with(b"\"") => Ok(response.set_header("etag", [b"W/", tag.as_slice()].concat())?),
        _ => Ok(()),
    }
}
