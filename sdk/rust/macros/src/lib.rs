//! The attribute macros of `tollgate-sdk`, which re-exports and documents them for authors.

mod arguments;
mod configuration;
mod policy;

use proc_macro::TokenStream;

/// Makes a policy of an `impl Policy for …` block or of a function named after its phase.
///
/// Exports the phases that are written and no others, and fills in what a policy needs beside them. Arguments,
/// all optional:
///
/// - `id = "…"`: the statement's name; otherwise the crate's name without `policy-`.
/// - `summary = "…"`: one line for catalogues; otherwise the first sentence of the documentation comment.
/// - `buffer(on_request = "4MiB", on_response = "4MiB")`: the bodies that the phases read, and the most that may
///   be buffered of each. Numbers are bytes; `KiB` and `MiB` are understood.
///
/// A function takes what its phase gives, and the configuration after that if it wants it:
/// `on_request(request, config)`, `on_response(request, response, config)`,
/// `on_error(request, response, error, config)`. A type named like the function in upper camel case
/// (`OnRequest`) stands for it in tests.
#[proc_macro_attribute]
pub fn policy(arguments: TokenStream, item: TokenStream) -> TokenStream {
    policy::expand(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a type part of a policy's configuration: read from JSON, described by a JSON Schema, with names in
/// kebab-case, and without room for unknown members.
///
/// Documentation comments become descriptions in the schema; `#[serde(…)]` and `#[schemars(…)]` attributes work as
/// usual and win over these defaults.
#[proc_macro_attribute]
pub fn configuration(arguments: TokenStream, item: TokenStream) -> TokenStream {
    configuration::expand(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
