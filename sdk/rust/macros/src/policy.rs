//! `#[policy]`: from an `impl Policy` block or a function to a component's exports.

use crate::arguments::{Arguments, first_sentence};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Attribute, Error, FnArg, ImplItem, Item, ItemFn, ItemImpl, Result, Type, parse_quote};

/// What may be exported, in the order of the trait.
const PHASES: [&str; 3] = ["on_request", "on_response", "on_error"];
const GATES: [&str; 2] = ["wants_request_body", "wants_response_body"];

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let arguments = Arguments::parse(arguments)?;
    match syn::parse2(item)? {
        Item::Impl(block) => of_block(&arguments, block),
        Item::Fn(function) => of_function(&arguments, function),
        other => Err(Error::new_spanned(other, "`#[policy]` goes on `impl Policy for …` or on a function")),
    }
}

fn of_block(arguments: &Arguments, mut block: ItemImpl) -> Result<TokenStream> {
    let is_policy = |path: &syn::Path| path.segments.last().is_some_and(|segment| segment.ident == "Policy");
    if !block.trait_.as_ref().is_some_and(|(_, path, _)| is_policy(path)) {
        return Err(Error::new_spanned(&block.self_ty, "expected `impl Policy for` this type"));
    }
    if !block.generics.params.is_empty() {
        return Err(Error::new_spanned(&block.generics, "a component is one policy, so its type can't be generic"));
    }
    let written: Vec<String> = block.items.iter().filter_map(name).collect();
    let has = |name: &str| written.iter().any(|written| written == name);
    let has_config = has("Config");
    if !has_config {
        block.items.push(parse_quote!(
            type Config = ::tollgate_sdk::NoConfig;
        ));
    }
    if !has("configure") {
        let made: TokenStream = match has_config {
            true => quote!(::core::convert::From::from(config)),
            false => quote!({
                let ::tollgate_sdk::NoConfig {} = config;
                ::core::default::Default::default()
            }),
        };
        block.items.push(parse_quote! {
            fn configure(config: Self::Config) -> ::core::result::Result<Self, ::tollgate_sdk::ConfigError> {
                ::core::result::Result::Ok(#made)
            }
        });
    }
    let exports: Vec<&str> = PHASES.into_iter().filter(|phase| has(phase)).collect();
    let gates: Vec<&str> = GATES.into_iter().filter(|gate| has(gate)).collect();
    check(arguments, &exports, &gates, &block.self_ty)?;
    let component = component(arguments, &block.attrs, &block.self_ty, &exports, !gates.is_empty());
    Ok(quote! {
        #[allow(refining_impl_trait, reason = "a phase may return anything that turns into a verdict")]
        #block
        #component
    })
}

fn of_function(arguments: &Arguments, mut function: ItemFn) -> Result<TokenStream> {
    let name = function.sig.ident.clone();
    let Some(phase) = PHASES.into_iter().find(|phase| name == phase) else {
        return Err(Error::new(
            name.span(),
            "a policy's function is named after its phase: on_request, on_response or on_error",
        ));
    };
    let given: &[Ident] = &match phase {
        "on_request" => vec![format_ident!("request")],
        "on_response" => vec![format_ident!("request"), format_ident!("response")],
        _ => vec![format_ident!("request"), format_ident!("response"), format_ident!("error")],
    };
    let config = config_of(&function, given)?;
    let policy = camel_case(&name);
    let visibility = &function.vis;
    let receives = match phase {
        "on_request" => quote!(request: &mut ::tollgate_sdk::Request),
        "on_response" => quote!(request: &::tollgate_sdk::Request, response: &mut ::tollgate_sdk::Response),
        _ => quote! {
            request: &::tollgate_sdk::Request,
            response: &mut ::tollgate_sdk::Response,
            error: &::tollgate_sdk::LastError
        },
    };
    let (config_type, pass) = match &config {
        Some(config) => (quote!(#config), quote!(, &self.0)),
        None => (quote!(::tollgate_sdk::NoConfig), quote!()),
    };
    check(arguments, &[phase], &[], &name)?;
    let component = component(arguments, &function.attrs, &parse_quote!(#policy), &[phase], false);
    let documentation = format!("The policy that is made of `{name}`.");
    function.attrs.push(parse_quote!(#[allow(dead_code, reason = "called by the component's exports, and by tests")]));
    Ok(quote! {
        #function

        #[doc = #documentation]
        #[allow(dead_code, reason = "named by the component's exports, and by tests")]
        #visibility struct #policy(#config_type);

        impl ::tollgate_sdk::Policy for #policy {
            type Config = #config_type;

            fn configure(config: Self::Config) -> ::core::result::Result<Self, ::tollgate_sdk::ConfigError> {
                ::core::result::Result::Ok(Self(config))
            }

            fn #name(&self, #receives) -> impl ::core::convert::Into<::tollgate_sdk::Verdict> {
                ::core::convert::Into::<::tollgate_sdk::Verdict>::into(#name(#(#given),* #pass))
            }
        }

        #component
    })
}

/// The type of the parameter after those that the phase gives: `config: &Config`.
fn config_of(function: &ItemFn, given: &[Ident]) -> Result<Option<Type>> {
    let parameters = &function.sig.inputs;
    if !(given.len()..=given.len() + 1).contains(&parameters.len()) {
        let names: Vec<String> = given.iter().map(ToString::to_string).collect();
        let message = format!("expected the parameters ({}) and perhaps `config: &Config`", names.join(", "));
        return Err(Error::new_spanned(&function.sig, message));
    }
    match parameters.get(given.len()) {
        None => Ok(None),
        Some(FnArg::Typed(parameter)) => match &*parameter.ty {
            Type::Reference(reference) if reference.mutability.is_none() => Ok(Some((*reference.elem).clone())),
            other => Err(Error::new_spanned(other, "the configuration is borrowed: `config: &Config`")),
        },
        Some(receiver) => Err(Error::new_spanned(receiver, "a policy's function has no `self`")),
    }
}

/// What can't be meant.
fn check(arguments: &Arguments, exports: &[&str], gates: &[&str], at: &impl ToTokens) -> Result<()> {
    let refuse = |message: &str| Err(Error::new_spanned(at, message));
    if exports.is_empty() {
        return refuse("a policy needs at least one phase: on_request, on_response or on_error");
    }
    for section in arguments.standing.sections() {
        let phase = match section {
            "inbound" | "backend" => "on_request",
            "outbound" => "on_response",
            _ => "on_error",
        };
        if !exports.contains(&phase) {
            return refuse(&format!("`{section}` among the sections, but no `{phase}`"));
        }
    }
    for (buffer, phase, gate) in [
        (arguments.buffer_request, "on_request", Some("wants_request_body")),
        (arguments.buffer_response, "on_response", Some("wants_response_body")),
        (arguments.buffer_error, "on_error", None),
    ] {
        if buffer.is_some() && !exports.contains(&phase) {
            return refuse(&format!("`buffer({phase} = …)` without `{phase}`"));
        }
        if let Some(gate) = gate.filter(|gate| buffer.is_none() && gates.contains(gate)) {
            return refuse(&format!("`{gate}` without `buffer({phase} = …)`: no body is ever buffered"));
        }
    }
    Ok(())
}

/// The manifest's facts, and the exports of the component.
fn component(
    arguments: &Arguments,
    attributes: &[Attribute],
    policy: &Type,
    exports: &[&str],
    gate: bool,
) -> TokenStream {
    let id = arguments.id.clone().unwrap_or_else(crate_id);
    let summary = arguments.summary.clone().or_else(|| first_sentence(attributes)).unwrap_or_default();
    let phases = exports.iter().map(|phase| camel_case(&Ident::new(phase, Span::call_site())));
    let buffer_request = option(arguments.buffer_request);
    let buffer_response = option(arguments.buffer_response);
    let buffer_error = option(arguments.buffer_error);
    let exported = exports.iter().map(|phase| export(phase));
    let standing = arguments.standing.manifest();
    let exported_gate = gate.then(export_gate);
    quote! {
        impl ::tollgate_sdk::export::Component for #policy {
            const IDENTITY: ::tollgate_sdk::export::Identity = ::tollgate_sdk::export::Identity {
                id: #id,
                version: ::core::env!("CARGO_PKG_VERSION"),
                summary: #summary,
                phases: &[#(::tollgate_sdk::export::Phase::#phases),*],
                buffer_request: #buffer_request,
                buffer_response: #buffer_response,
                buffer_error: #buffer_error,
                body_gate: #gate,
                standing: #standing,
            };
        }

        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "the exports that wit-bindgen generates")]
        const _: () = {
            use ::tollgate_sdk::export as sdk;

            ::std::thread_local! {
                static POLICY: sdk::Slot<#policy> = const { sdk::Slot::new() };
            }

            struct Exports;

            impl sdk::lifecycle::Guest for Exports {
                fn describe() -> ::std::string::String {
                    sdk::describe::<#policy>()
                }

                fn configure(
                    config: ::std::string::String,
                ) -> ::core::result::Result<(), sdk::lifecycle::ConfigError> {
                    POLICY.with(|policy| policy.configure(config))
                }
            }
            ::tollgate_sdk::bindings::lifecycle::export!(Exports with_types_in ::tollgate_sdk::bindings::lifecycle);
            #(#exported)*
            #exported_gate
        };
    }
}

fn export(phase: &str) -> TokenStream {
    let name = Ident::new(phase, Span::call_site());
    let (parameters, values) = match phase {
        "on_request" => (quote!(request: &sdk::messages::Request), quote!(request)),
        "on_response" => {
            (quote!(request: &sdk::messages::Request, response: &sdk::messages::Response), quote!(request, response))
        }
        _ => (
            quote! {
                request: &sdk::messages::Request,
                response: &sdk::messages::Response,
                error: sdk::on_error::LastError
            },
            quote!(request, response, error),
        ),
    };
    quote! {
        impl sdk::#name::Guest for Exports {
            fn #name(#parameters) -> sdk::verdicts::Verdict {
                POLICY.with(|policy| policy.#name(#values))
            }
        }
        ::tollgate_sdk::bindings::#name::export!(Exports with_types_in ::tollgate_sdk::bindings::#name);
    }
}

fn export_gate() -> TokenStream {
    quote! {
        impl sdk::body_gate::Guest for Exports {
            fn wants_request_body(request: &sdk::messages::Request) -> bool {
                POLICY.with(|policy| policy.wants_request_body(request))
            }

            fn wants_response_body(request: &sdk::messages::Request, response: &sdk::messages::Response) -> bool {
                POLICY.with(|policy| policy.wants_response_body(request, response))
            }
        }
        ::tollgate_sdk::bindings::body_gate::export!(Exports with_types_in ::tollgate_sdk::bindings::body_gate);
    }
}

fn name(item: &ImplItem) -> Option<String> {
    match item {
        ImplItem::Fn(function) => Some(function.sig.ident.to_string()),
        ImplItem::Type(associated) => Some(associated.ident.to_string()),
        _ => None,
    }
}

/// `policy-rate-limit` is the statement `rate-limit`.
fn crate_id() -> String {
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
    package.strip_prefix("policy-").map(str::to_owned).unwrap_or(package)
}

fn camel_case(name: &Ident) -> Ident {
    let words = name.to_string();
    let camel = words.split('_').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    Ident::new(&camel.collect::<String>(), name.span())
}

fn option(bytes: Option<u64>) -> TokenStream {
    match bytes {
        Some(bytes) => quote!(::core::option::Option::Some(#bytes)),
        None => quote!(::core::option::Option::None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(arguments: TokenStream, item: TokenStream) -> String {
        expand(arguments, item).unwrap_err().to_string()
    }

    #[test]
    fn exactly_the_written_phases_are_exported() {
        let block = quote!(impl Policy for P { fn on_response(&self, _: &Request, _: &mut Response) {} });
        let text = expand(TokenStream::new(), block).unwrap().to_string();
        assert!(text.contains("bindings :: on_response :: export !"), "{text}");
        assert!(!text.contains("bindings :: on_request"), "{text}");
        assert!(!text.contains("body_gate :: export"), "{text}");
        assert!(text.contains("type Config = :: tollgate_sdk :: NoConfig"), "{text}");
    }

    #[test]
    fn what_can_not_be_meant_is_refused_with_the_reason() {
        let none = TokenStream::new;
        assert!(refused(none(), quote!(impl Policy for P {})).contains("at least one phase"));
        assert!(refused(none(), quote!(impl Other for P {})).contains("impl Policy for"));
        assert!(
            refused(
                none(),
                quote!(
                    fn decide(request: &mut Request) {}
                )
            )
            .contains("named after its phase")
        );
        assert!(
            refused(
                none(),
                quote!(
                    fn on_request() {}
                )
            )
            .contains("(request)")
        );
        assert!(
            refused(
                none(),
                quote!(
                    fn on_request(r: &mut Request, c: Config) {}
                )
            )
            .contains("borrowed")
        );
        let gate = quote!(impl Policy for P { fn on_request(&self) {} fn wants_request_body(&self) -> bool {} });
        assert!(refused(none(), gate).contains("without `buffer(on_request"));
        let block = quote!(impl Policy for P { fn on_request(&self, _: &mut Request) {} });
        assert!(refused(quote!(sections(inbound, outbound)), block).contains("no `on_response`"));
        let buffer = quote!(buffer(on_response = 1));
        assert!(
            refused(
                buffer,
                quote!(
                    fn on_request(r: &mut Request) {}
                )
            )
            .contains("without `on_response`")
        );
    }
}
