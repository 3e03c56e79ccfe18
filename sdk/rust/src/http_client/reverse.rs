//! From the contract's side back to ours, as the fakes of `testing` need it.

use super::{Field, HttpError, Request, Response, wit};
use std::time::Duration;

impl From<wit::OutgoingRequest> for Request {
    fn from(request: wit::OutgoingRequest) -> Self {
        let wit::OutgoingRequest { method, url, headers, body, timeout_ms } = request;
        let headers = headers.into_iter().map(|wit::Field { name, value }| Field { name, value }).collect();
        Self { method, url, headers, body, timeout: Duration::from_millis(timeout_ms.into()) }
    }
}

impl From<Response> for wit::IncomingResponse {
    fn from(response: Response) -> Self {
        let Response { status, reason, headers, body } = response;
        let headers = headers.into_iter().map(|Field { name, value }| wit::Field { name, value }).collect();
        Self { status, reason, headers, body }
    }
}

impl From<HttpError> for wit::HttpError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::InvalidRequest(why) => Self::InvalidRequest(why),
            HttpError::NotGranted(why) => Self::NotGranted(why),
            HttpError::Connect(why) => Self::Connect(why),
            HttpError::Timeout => Self::Timeout,
            HttpError::Broken(why) => Self::Broken(why),
            HttpError::TooLarge => Self::TooLarge,
            HttpError::Other(why) => Self::Other(why),
        }
    }
}
