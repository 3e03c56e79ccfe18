//! The schema of a configuration's type, as serde reads it.

use crate::attributes::{Container, Field, Words, documentation};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DataEnum, DeriveInput, Error, Fields, Result};

/// `impl Schema` for the type.
pub(crate) fn expand(input: &DeriveInput, container: &Container) -> Result<TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(&input.generics, "a configuration's type can't be generic"));
    }
    let node = match (&container.read_as, &input.data) {
        (Some(other), _) => quote!(<#other as ::tollgate_sdk::schema::Schema>::SCHEMA),
        (None, Data::Struct(data)) => of_struct(&data.fields, container)?,
        (None, Data::Enum(data)) => of_enum(data, container)?,
        (None, Data::Union(data)) => {
            return Err(Error::new_spanned(data.union_token, "a union can't be read from JSON"));
        }
    };
    let (name, description) = (&input.ident, description(input, container)?);
    Ok(quote! {
        impl ::tollgate_sdk::schema::Schema for #name {
            const SCHEMA: ::tollgate_sdk::schema::Node = #node.described(#description);
        }
    })
}

/// What the type is, and what the words of an enumeration mean.
fn description(input: &DeriveInput, container: &Container) -> Result<String> {
    let mut text = documentation(&input.attrs);
    let Data::Enum(data) = &input.data else { return Ok(text) };
    for variant in data.variants.iter().filter(|variant| matches!(variant.fields, Fields::Unit)) {
        let meaning = documentation(&variant.attrs);
        if !meaning.is_empty() {
            let name = Field::of(&variant.attrs)?.rename;
            let name = name.unwrap_or_else(|| container.rename(&Words::of_variant(&variant.ident)));
            text.push_str(&format!("\n- {name}: {meaning}"));
        }
    }
    Ok(text.trim_start().to_owned())
}

fn of_struct(fields: &Fields, container: &Container) -> Result<TokenStream> {
    match fields {
        Fields::Named(_) => members(fields, container, container.closed),
        Fields::Unnamed(wrapped) if wrapped.unnamed.len() == 1 => {
            let wrapped = &wrapped.unnamed[0].ty;
            Ok(quote!(<#wrapped as ::tollgate_sdk::schema::Schema>::SCHEMA))
        }
        other => Err(Error::new_spanned(other, "expected a struct with named members, or one that wraps one value")),
    }
}

fn members(fields: &Fields, container: &Container, closed: bool) -> Result<TokenStream> {
    let mut members = Vec::new();
    for field in fields {
        let attributes = Field::of(&field.attrs)?;
        let Some(ident) = field.ident.as_ref().filter(|_| !attributes.skip) else { continue };
        let ty = attributes.read_as.as_ref().unwrap_or(&field.ty);
        let node = quote!(&<#ty as ::tollgate_sdk::schema::Schema>::SCHEMA);
        if attributes.flatten {
            members.push(quote!(::tollgate_sdk::schema::Member::Flattened(#node)));
            continue;
        }
        let name = attributes.rename.clone().unwrap_or_else(|| container.rename(&Words::of_field(ident)));
        let required = !(attributes.default || container.default || is_option(&field.ty));
        let description = documentation(&field.attrs);
        let limits = attributes.limits();
        members.push(quote! {
            ::tollgate_sdk::schema::Member::Named {
                name: #name,
                required: #required,
                description: #description,
                limits: #limits,
                node: #node,
            }
        });
    }
    let unknown = if closed { quote!(Refused) } else { quote!(Ignored) };
    Ok(quote!(::tollgate_sdk::schema::Node::members(&[#(#members),*], ::tollgate_sdk::schema::Unknown::#unknown)))
}

/// serde reads an absent `Option` as none, default or not.
fn is_option(ty: &syn::Type) -> bool {
    matches!(ty, syn::Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Option"))
}

fn of_enum(data: &DataEnum, container: &Container) -> Result<TokenStream> {
    let mut words = Vec::new();
    let mut others = Vec::new();
    for variant in &data.variants {
        let attributes = Field::of(&variant.attrs)?;
        if attributes.skip {
            continue;
        }
        let name = attributes.rename.unwrap_or_else(|| container.rename(&Words::of_variant(&variant.ident)));
        // Without a container's name for them, members of a variant keep theirs, as serde has it.
        let inner = match &variant.fields {
            Fields::Unit if container.untagged => {
                return Err(Error::new_spanned(variant, "an untagged variant needs a value"));
            }
            Fields::Unit => {
                words.push(name);
                continue;
            }
            fields @ Fields::Named(_) => members(fields, &Container::default(), container.closed)?,
            fields @ Fields::Unnamed(_) => of_struct(fields, container)?,
        };
        others.push(match container.untagged {
            true => inner,
            false => quote! {
                ::tollgate_sdk::schema::Node::members(
                    &[::tollgate_sdk::schema::Member::Named {
                        name: #name,
                        required: true,
                        description: "",
                        limits: ::tollgate_sdk::schema::Limits::NONE,
                        node: &#inner,
                    }],
                    ::tollgate_sdk::schema::Unknown::Refused,
                )
            },
        });
    }
    let words = (!words.is_empty()).then(|| quote!(::tollgate_sdk::schema::Node::words(&[#(#words),*])));
    Ok(match (words, others.as_slice()) {
        (Some(words), []) => words,
        (words, others) => {
            let nodes = words.iter().chain(others);
            quote!(::tollgate_sdk::schema::Node::either(&[#(#nodes),*]))
        }
    })
}
