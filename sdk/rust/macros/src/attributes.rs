//! What serde and we are told about a type and its members.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::{
    Attribute, DeriveInput, Error, Expr, ExprLit, Lit, LitInt, LitStr, Meta, Result, Token, Type, parenthesized,
};

/// What is said about a whole type.
#[derive(Default)]
pub(crate) struct Container {
    rename_all: Option<String>,
    pub(crate) default: bool,
    pub(crate) untagged: bool,
    pub(crate) closed: bool,
    /// The type that serde reads in its place.
    pub(crate) read_as: Option<Type>,
    pub(crate) transparent: bool,
}

/// What is said about a member or a variant.
#[derive(Default)]
pub(crate) struct Field {
    pub(crate) rename: Option<String>,
    pub(crate) default: bool,
    pub(crate) flatten: bool,
    pub(crate) skip: bool,
    /// The type whose schema it has.
    pub(crate) read_as: Option<Type>,
    min: Option<i64>,
    max: Option<i64>,
    pattern: String,
}

impl Container {
    pub(crate) fn of(input: &DeriveInput) -> Result<Self> {
        let mut container = Self::default();
        for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            attribute.parse_nested_meta(|meta| container.take(&meta))?;
        }
        Ok(container)
    }

    pub(crate) fn has_rename_all(&self) -> bool {
        self.rename_all.is_some()
    }

    fn take(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        match name.as_str() {
            "rename_all" => self.rename_all = Some(meta.value()?.parse::<LitStr>()?.value()),
            "default" => self.default = skip_value(meta)?,
            "untagged" => self.untagged = true,
            "deny_unknown_fields" => self.closed = true,
            "transparent" => self.transparent = true,
            "from" | "try_from" => self.read_as = Some(meta.value()?.parse::<LitStr>()?.parse()?),
            "tag" | "content" => {
                return Err(meta.error("tagged enums need `impl Schema` by hand, beside serde's derive"));
            }
            _ => drop(skip_value(meta)?),
        }
        Ok(())
    }

    /// A name as serde has it: as it is written, if nothing else is said.
    pub(crate) fn rename(&self, words: &Words) -> String {
        words.in_case(self.rename_all.as_deref().unwrap_or_default())
    }

    /// As it is once our defaults are added.
    pub(crate) fn with_defaults(mut self, closed: bool) -> Self {
        self.rename_all.get_or_insert_with(|| "kebab-case".into());
        self.closed |= closed;
        self
    }
}

impl Field {
    pub(crate) fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut field = Self::default();
        for attribute in attributes {
            if attribute.path().is_ident("serde") {
                attribute.parse_nested_meta(|meta| field.take_serde(&meta))?;
            }
            if is_ours(attribute) {
                attribute.parse_nested_meta(|meta| field.take_ours(&meta))?;
            }
        }
        Ok(field)
    }

    fn take_serde(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        match name.as_str() {
            "rename" => self.rename = Some(meta.value()?.parse::<LitStr>()?.value()),
            "default" => self.default = skip_value(meta)?,
            "flatten" => self.flatten = true,
            "skip" | "skip_deserializing" => self.skip = true,
            _ => drop(skip_value(meta)?),
        }
        Ok(())
    }

    fn take_ours(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        if meta.path.is_ident("range") || meta.path.is_ident("length") {
            return meta.parse_nested_meta(|limit| {
                let slot = match () {
                    () if limit.path.is_ident("min") => &mut self.min,
                    () if limit.path.is_ident("max") => &mut self.max,
                    () => return Err(limit.error("expected `min` or `max`")),
                };
                let value = limit.value()?;
                let sign = if value.parse::<Option<Token![-]>>()?.is_some() { -1 } else { 1 };
                *slot = Some(value.parse::<LitInt>()?.base10_parse::<i64>()? * sign);
                Ok(())
            });
        }
        if meta.path.is_ident("pattern") {
            self.pattern = meta.value()?.parse::<LitStr>()?.value();
            return Ok(());
        }
        if meta.path.is_ident("with") {
            self.read_as = Some(meta.value()?.parse::<LitStr>()?.parse()?);
            return Ok(());
        }
        Err(meta.error("expected `range(min, max)`, `length(min, max)`, `pattern` or `with`"))
    }

    pub(crate) fn limits(&self) -> TokenStream {
        let option = |limit: Option<i64>| match limit {
            Some(limit) => quote!(::core::option::Option::Some(#limit)),
            None => quote!(::core::option::Option::None),
        };
        let (min, max, pattern) = (option(self.min), option(self.max), &self.pattern);
        quote!(::tollgate_sdk::schema::Limits { min: #min, max: #max, pattern: #pattern })
    }
}

/// `#[schema(…)]`. Who comes from schemars may write its name.
pub(crate) fn is_ours(attribute: &Attribute) -> bool {
    attribute.path().is_ident("schema") || attribute.path().is_ident("schemars")
}

/// Step over what only serde needs to know: `name`, `name = …` or `name(…)`.
fn skip_value(meta: &ParseNestedMeta<'_>) -> Result<bool> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        let inner;
        parenthesized!(inner in meta.input);
        inner.parse::<TokenStream>()?;
    }
    Ok(true)
}

/// The documentation comment's first paragraph, on one line.
pub(crate) fn documentation(attributes: &[Attribute]) -> String {
    let mut text = String::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        let Meta::NameValue(doc) = &attribute.meta else { continue };
        let Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) = &doc.value else { continue };
        let line = line.value();
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(line);
    }
    text
}

/// A name, taken apart.
pub(crate) struct Words {
    words: Vec<String>,
    /// As it is written in Rust.
    name: String,
    of_variant: bool,
}

impl Words {
    pub(crate) fn of_field(name: &Ident) -> Self {
        let name = name.to_string().trim_start_matches("r#").to_owned();
        Self { words: name.split('_').map(str::to_lowercase).collect(), name, of_variant: false }
    }

    /// serde begins a word with every capital letter, so `HTTPOnly` is `h-t-t-p-only`.
    pub(crate) fn of_variant(name: &Ident) -> Self {
        let name = name.to_string();
        let mut words: Vec<String> = Vec::new();
        for letter in name.chars() {
            match words.last_mut() {
                Some(word) if !letter.is_uppercase() => word.push(letter),
                _ => words.push(letter.to_lowercase().collect()),
            }
        }
        Self { words, name, of_variant: true }
    }

    fn in_case(&self, case: &str) -> String {
        let capital = |word: &String| {
            let mut letters = word.chars();
            letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect::<String>()
        };
        let pascal = || self.words.iter().map(capital).collect::<String>();
        match case {
            "kebab-case" => self.words.join("-"),
            "snake_case" => self.words.join("_"),
            "SCREAMING-KEBAB-CASE" => self.words.join("-").to_uppercase(),
            "SCREAMING_SNAKE_CASE" => self.words.join("_").to_uppercase(),
            "lowercase" => self.name.to_lowercase(),
            "UPPERCASE" => self.name.to_uppercase(),
            "PascalCase" => pascal(),
            "camelCase" if self.of_variant => {
                self.words.first().cloned().unwrap_or_default()
                    + &self.words.iter().skip(1).map(capital).collect::<String>()
            }
            "camelCase" => {
                let pascal = pascal();
                let mut letters = pascal.chars();
                letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect()
            }
            _ => self.name.clone(),
        }
    }
}

/// An attribute that says nothing to anybody any more is taken off.
pub(crate) fn take_off_ours(input: &mut DeriveInput) -> Result<()> {
    let take_off = |attributes: &mut Vec<Attribute>| attributes.retain(|attribute| !is_ours(attribute));
    if let Some(ours) = input.attrs.iter().find(|attribute| is_ours(attribute)) {
        return Err(Error::new_spanned(ours, "`#[schema(…)]` goes on members"));
    }
    let fields = match &mut input.data {
        syn::Data::Struct(data) => vec![&mut data.fields],
        syn::Data::Enum(data) => data.variants.iter_mut().map(|variant| &mut variant.fields).collect(),
        syn::Data::Union(_) => Vec::new(),
    };
    for field in fields.into_iter().flatten() {
        take_off(&mut field.attrs);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proc_macro2::Span;

    #[test]
    fn names_are_written_as_serde_writes_them() {
        let field = |case: &str| Words::of_field(&Ident::new("max_age", Span::call_site())).in_case(case);
        let variant = |case: &str| Words::of_variant(&Ident::new("PreferExternal", Span::call_site())).in_case(case);
        for (case, of_field, of_variant) in [
            ("kebab-case", "max-age", "prefer-external"),
            ("snake_case", "max_age", "prefer_external"),
            ("camelCase", "maxAge", "preferExternal"),
            ("PascalCase", "MaxAge", "PreferExternal"),
            ("lowercase", "max_age", "preferexternal"),
            ("UPPERCASE", "MAX_AGE", "PREFEREXTERNAL"),
            ("SCREAMING_SNAKE_CASE", "MAX_AGE", "PREFER_EXTERNAL"),
            ("SCREAMING-KEBAB-CASE", "MAX-AGE", "PREFER-EXTERNAL"),
            ("", "max_age", "PreferExternal"),
        ] {
            assert_eq!((field(case).as_str(), variant(case).as_str()), (of_field, of_variant), "{case}");
        }
    }
}
