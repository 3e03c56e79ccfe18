//! What `#[policy]` expands to calls in here: from the exports of the contract to the trait. Not for authors.

pub use crate::manifest::{Component, Identity, Phase, describe};

#[cfg(target_arch = "wasm32")]
pub use component::*;

#[cfg(target_arch = "wasm32")]
mod component {
    pub use crate::bindings::body_gate::exports::tollgate::policy::body_gate;
    pub use crate::bindings::imports::tollgate::policy::messages;
    pub use crate::bindings::imports::tollgate::policy::verdicts;
    pub use crate::bindings::lifecycle::exports::tollgate::policy::lifecycle;
    pub use crate::bindings::on_error::exports::tollgate::policy::on_error;
    pub use crate::bindings::on_request::exports::tollgate::policy::on_request;
    pub use crate::bindings::on_response::exports::tollgate::policy::on_response;

    use crate::export::Component;
    use crate::messages::{Request, Response};
    use crate::policy::LastError;
    use crate::verdict::Verdict;
    use std::cell::OnceCell;

    /// Where an instance keeps its policy between `configure` and its last phase.
    pub struct Slot<P>(OnceCell<P>);

    impl<P: Component> Slot<P> {
        /// Nothing is configured yet.
        #[allow(clippy::new_without_default, reason = "a default can't be const")]
        pub const fn new() -> Self {
            Self(OnceCell::new())
        }

        /// `lifecycle.configure`.
        pub fn configure(&self, text: String) -> Result<(), lifecycle::ConfigError> {
            let policy = crate::configuration::parse(&text)
                .and_then(P::configure)
                .map_err(|error| lifecycle::ConfigError { pointer: error.pointer, message: error.message })?;
            // The host configures an instance once; were it twice, the first would stay.
            let _ = self.0.set(policy);
            log_panics();
            Ok(())
        }

        /// `on-request`.
        pub fn on_request(&self, request: &messages::Request) -> verdicts::Verdict {
            wit(self.policy().on_request(&mut Request::new(request)))
        }

        /// `on-response`.
        pub fn on_response(&self, request: &messages::Request, response: &messages::Response) -> verdicts::Verdict {
            wit(self.policy().on_response(&Request::new(request), &mut Response::new(response)))
        }

        /// `on-error`.
        pub fn on_error(
            &self,
            request: &messages::Request,
            response: &messages::Response,
            error: on_error::LastError,
        ) -> verdicts::Verdict {
            let on_error::LastError { source, reason, message, statement_id } = error;
            let error = LastError { source, reason, message, statement_id };
            wit(self.policy().on_error(&Request::new(request), &mut Response::new(response), &error))
        }

        /// `body-gate.wants-request-body`.
        pub fn wants_request_body(&self, request: &messages::Request) -> bool {
            self.policy().wants_request_body(&Request::new(request))
        }

        /// `body-gate.wants-response-body`.
        pub fn wants_response_body(&self, request: &messages::Request, response: &messages::Response) -> bool {
            self.policy().wants_response_body(&Request::new(request), &Response::new(response))
        }

        #[allow(clippy::expect_used, reason = "the contract promises it; a trap is the right answer if it is broken")]
        fn policy(&self) -> &P {
            self.0.get().expect("the host configures an instance before it calls a phase")
        }
    }

    fn wit(verdict: impl Into<Verdict>) -> verdicts::Verdict {
        verdict.into().into_wit()
    }

    /// Without this a panic reaches the operator as a bare `unreachable`. Not before `configure` has ended: no
    /// capability may be called until then.
    fn log_panics() {
        std::panic::set_hook(Box::new(|info| crate::log::error(&info.to_string())));
    }
}
