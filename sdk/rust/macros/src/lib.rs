//! The attribute macros of `tollgate-sdk`, which re-exports and documents them for authors.

mod arguments;
mod attributes;
mod configuration;
mod policy;
mod schema;
mod standing;

use proc_macro::TokenStream;

/// Makes a policy of an `impl Policy for …` block or of a function named after its phase.
///
/// Exports the phases that are written and no others, and fills in what a policy needs beside them. Arguments,
/// all optional:
///
/// - `id = "…"`: the statement's name; otherwise the crate's name without `policy-`.
/// - `summary = "…"`: one line for catalogues; otherwise the first sentence of the documentation comment.
/// - `buffer(on_request = "4MiB", on_response = "4MiB", on_error = "4MiB")`: the bodies that the phases read, and the most that may
///   be buffered of each. Numbers are bytes; `KiB` and `MiB` are understood.
/// - `sections(inbound, backend, outbound, on_error)`: where the statement may stand; otherwise wherever its phases run
///   (`on_request` runs in inbound and backend).
/// - `scopes(global, product, api, operation)`: on which levels of the document; otherwise on all of them.
/// - `once`: at most once in a section.
/// - `rejects(429 = "RateLimitExceeded", configured = "HeaderNotFound")`: the refusals that its `Failure`s are, by status and
///   reason; `configured` stands for a status that the operator chooses.
///
/// A function takes what its phase gives, and the configuration after that if it wants it:
/// `on_request(request, config)`, `on_response(request, response, config)`,
/// `on_error(request, response, error, config)`. A type named like the function in upper camel case
/// (`OnRequest`) stands for it in tests.
#[proc_macro_attribute]
pub fn policy(arguments: TokenStream, item: TokenStream) -> TokenStream {
    policy::expand(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a type part of a policy's configuration: read from JSON by serde, described by a JSON Schema, with names in
/// kebab-case, and without room for unknown members.
///
/// - Documentation comments become descriptions (their first paragraph).
/// - `#[serde(…)]` attributes work as usual, win over these defaults, and show in the schema.
/// - `#[schema(range(min = 1, max = 300))]` limits a number, `#[schema(length(min = 1))]` a text, list or map,
///   `#[schema(pattern = "^[a-z]+$")]` a text; `#[schema(with = "Other")]` gives a member the schema of another type.
///
/// Works on structs with named members or with one wrapped value, and on enums whose tag is outside (serde's default)
/// or that are untagged. For anything else derive serde's `Deserialize`, and write `impl Schema` by hand.
#[proc_macro_attribute]
pub fn configuration(arguments: TokenStream, item: TokenStream) -> TokenStream {
    configuration::expand(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
