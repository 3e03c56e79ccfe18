//! The Rust side of `wit/`, generated: one world with everything a policy may import, and one world for each
//! interface it may export, so that a component exports exactly the phases it implements.
//!
//! The exporting worlds share the types of the importing one (`with`). Each brings an `export!` macro of its
//! own, which [`policy`](macro@crate::policy) expands in the policy's crate.

/// What a policy may import. Unused imports vanish when the component is made.
pub mod imports {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package tollgate:sdk;
            world imports { include tollgate:gateway/imports@0.1.0; }
        ",
        world: "tollgate:sdk/imports",
        additional_derives: [PartialEq],
        generate_all,
    });
}

/// A world that exports one interface of `tollgate:policy` and takes the listed ones from [`imports`].
macro_rules! exporting {
    ($(#[$doc:meta])* $module:ident, $wit:literal, $world:literal, $at:literal, [$($interface:literal: $path:ident),*]) => {
        $(#[$doc])*
        pub mod $module {
            wit_bindgen::generate!({
                path: "../../wit",
                inline: $wit,
                world: $world,
                with: { $($interface: crate::bindings::imports::tollgate::policy::$path),* },
                additional_derives: [PartialEq],
                pub_export_macro: true,
                default_bindings_module: $at,
            });
        }
    };
}

exporting!(
    /// Manifest and configuration: exported by every policy.
    lifecycle,
    "package tollgate:sdk; world lifecycle { export tollgate:policy/lifecycle@0.1.0; }",
    "tollgate:sdk/lifecycle",
    "::tollgate_sdk::bindings::lifecycle",
    []
);
exporting!(
    /// The inbound phase.
    on_request,
    "package tollgate:sdk; world on-request { export tollgate:policy/on-request@0.1.0; }",
    "tollgate:sdk/on-request",
    "::tollgate_sdk::bindings::on_request",
    ["tollgate:policy/messages@0.1.0": messages, "tollgate:policy/verdicts@0.1.0": verdicts]
);
exporting!(
    /// The outbound phase.
    on_response,
    "package tollgate:sdk; world on-response { export tollgate:policy/on-response@0.1.0; }",
    "tollgate:sdk/on-response",
    "::tollgate_sdk::bindings::on_response",
    ["tollgate:policy/messages@0.1.0": messages, "tollgate:policy/verdicts@0.1.0": verdicts]
);
exporting!(
    /// The on-error phase.
    on_error,
    "package tollgate:sdk; world on-error { export tollgate:policy/on-error@0.1.0; }",
    "tollgate:sdk/on-error",
    "::tollgate_sdk::bindings::on_error",
    ["tollgate:policy/messages@0.1.0": messages, "tollgate:policy/verdicts@0.1.0": verdicts]
);
exporting!(
    /// The question whether a body has to be buffered.
    body_gate,
    "package tollgate:sdk; world body-gate { export tollgate:policy/body-gate@0.1.0; }",
    "tollgate:sdk/body-gate",
    "::tollgate_sdk::bindings::body_gate",
    ["tollgate:policy/messages@0.1.0": messages]
);
